/*
 * A stand-in for libnccl.so.2 for tests on the host, where device addresses are plain ones: it notes every call with all its arguments, checks
 * them, and really adds up, in the order of the ranks. All ranks are threads of one process. The prototypes are those of NCCL's public interface:
 * opaque handles are pointers, results and kinds are enumerations of int, the id is a struct of 128 bytes that is passed by value.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { ok = 0, unhandledCudaError = 1, systemError = 2, internalError = 3, invalidArgument = 4, invalidUsage = 5, remoteError = 6 } result;
typedef struct { char internal[128]; } uniqueId;
typedef void *stream;

enum { maxRanks = 8, maxOps = 256 };

/* One group of ranks. */
typedef struct {
	int n, joined, arrived, round, aborted;
	const void *send[maxRanks];
	size_t count[maxRanks];
	int type[maxRanks];
} world;

typedef struct { world *w; int rank, async; } comm;
typedef struct { const void *send; void *recv; size_t count; int type; comm *c; } operation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static world only;
static int asyncResult, versionCode = 22703;
static unsigned char id[128];
static char notes[1 << 16];
static size_t noted;

static __thread int depth;
static __thread operation ops[maxOps];
static __thread int opCount;

static void note(const char *format, ...) {
	va_list args;
	pthread_mutex_lock(&lock);
	va_start(args, format);
	if (noted < sizeof notes)
		noted += vsnprintf(notes + noted, sizeof notes - noted, format, args);
	va_end(args);
	pthread_mutex_unlock(&lock);
}

/* For the test: what was called since the last time. */
size_t stubNotes(char *to, size_t size) {
	pthread_mutex_lock(&lock);
	size_t n = noted < size ? noted : size;
	memcpy(to, notes, n);
	noted = 0;
	pthread_mutex_unlock(&lock);
	return n;
}

/* For the test: begin anew; what ncclGetVersion says; what ncclCommGetAsyncError finds. */
void stubReset(int version, int async) {
	pthread_mutex_lock(&lock);
	memset(&only, 0, sizeof only);
	noted = 0;
	versionCode = version;
	asyncResult = async;
	pthread_mutex_unlock(&lock);
}

void stubAsync(int async) { asyncResult = async; }

result ncclGetVersion(int *version) {
	*version = versionCode;
	return ok;
}

const char *ncclGetErrorString(result r) {
	static const char *const text[] = {"no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument", "invalid usage",
		"remote process exited or there was a network error"};
	return r >= 0 && r <= remoteError ? text[r] : "unknown";
}

result ncclGetUniqueId(uniqueId *out) {
	for (int i = 0; i < 128; i++)
		id[i] = (unsigned char)(37 * i + 11);
	memcpy(out->internal, id, 128);
	note("ncclGetUniqueId\n");
	return ok;
}

result ncclCommInitRank(comm **out, int n, uniqueId given, int rank) {
	note("ncclCommInitRank n=%d rank=%d id=%s\n", n, rank, memcmp(given.internal, id, 128) ? "wrong" : "right");
	if (memcmp(given.internal, id, 128) || n < 1 || n > maxRanks || rank < 0 || rank >= n)
		return invalidArgument;
	comm *c = calloc(1, sizeof *c);
	c->w = &only;
	c->rank = rank;
	pthread_mutex_lock(&lock);
	only.n = n;
	only.joined++;
	pthread_cond_broadcast(&changed);
	while (only.joined < n && !only.aborted)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	*out = c;
	return ok;
}

/* Waits for all ranks; the lock is held. */
static int meet(world *w) {
	int round = w->round;
	if (++w->arrived == w->n) {
		w->arrived = 0;
		w->round++;
		pthread_cond_broadcast(&changed);
	}
	while (w->round == round && !w->aborted)
		pthread_cond_wait(&changed, &lock);
	return w->aborted;
}

static float load(const void *p, int type, size_t i) { return type == 6 ? (float)((const _Float16 *)p)[i] : ((const float *)p)[i]; }

static result sum(operation *o) {
	world *w = o->c->w;
	int rank = o->c->rank;
	pthread_mutex_lock(&lock);
	w->send[rank] = o->send;
	w->count[rank] = o->count;
	w->type[rank] = o->type;
	if (meet(w)) {
		pthread_mutex_unlock(&lock);
		return systemError;
	}
	result bad = ok;
	for (int r = 0; r < w->n; r++)
		if (w->count[r] != o->count || w->type[r] != o->type)
			bad = invalidUsage; /* ranks must agree */
	float *total = calloc(o->count ? o->count : 1, sizeof(float));
	for (int r = 0; r < w->n && !bad; r++)
		for (size_t i = 0; i < o->count; i++)
			total[i] += load(w->send[r], o->type, i);
	int gone = meet(w); /* all have read */
	for (size_t i = 0; i < o->count && !bad && !gone; i++)
		if (o->type == 6)
			((_Float16 *)o->recv)[i] = (_Float16)total[i];
		else
			((float *)o->recv)[i] = total[i];
	free(total);
	pthread_mutex_unlock(&lock);
	return gone ? systemError : bad;
}

result ncclAllReduce(const void *send, void *recv, size_t count, int type, int op, comm *c, stream s) {
	note("ncclAllReduce send=%p recv=%p count=%zu type=%d op=%d comm=%p stream=%p group=%d\n", send, recv, count, type, op, (void *)c, s, depth);
	if ((size_t)c == 0x5eed5eed5eed5eedUL)
		return ok; /* of the test of widths */
	if (op != 0 || (type != 6 && type != 7) || (size_t)send % (type == 6 ? 2 : 4) || send != recv || !c || opCount == maxOps)
		return invalidArgument;
	ops[opCount++] = (operation){send, recv, count, type, c};
	if (depth)
		return ok;
	opCount = 0;
	return sum(&ops[0]);
}

result ncclGroupStart(void) {
	depth++;
	return ok;
}

result ncclGroupEnd(void) {
	if (depth == 0)
		return invalidUsage; /* on another thread than its start */
	result r = ok;
	if (--depth == 0) {
		for (int i = 0; i < opCount && r == ok; i++)
			r = sum(&ops[i]);
		opCount = 0;
	}
	return r;
}

result ncclCommGetAsyncError(comm *c, result *r) {
	*r = asyncResult;
	return c ? ok : invalidArgument;
}

result ncclCommAbort(comm *c) {
	note("ncclCommAbort rank=%d\n", c->rank);
	pthread_mutex_lock(&lock);
	c->w->aborted = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return ok;
}

result ncclCommDestroy(comm *c) {
	note("ncclCommDestroy rank=%d\n", c->rank);
	free(c);
	return ok;
}
