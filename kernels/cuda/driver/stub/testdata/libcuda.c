// A libcuda.so for tests, written from the driver API's public binary interface: prototypes, layouts and enumerations are those of cuda.h on
// x86-64, under the names that the library exports. It keeps device memory in host memory and does a stream's work only when something waits
// for it, so that a caller who relies on work that it did not wait for gets wrong numbers. What a caller must not do is a fault: it is written down, and
// the call fails. Kernels are known by name: see run_kernel.
//
//	gcc -std=c11 -shared -fPIC -o libcuda.so.1 libcuda.c      -DWITHOUT_GRAPHS leaves a symbol out, as an older driver does
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef struct context *CUcontext;
typedef struct module *CUmodule;
typedef struct function *CUfunction;
typedef struct stream *CUstream;
typedef struct event *CUevent;
typedef struct graph *CUgraph;
typedef struct exec *CUgraphExec;

enum { OK, INVALID_VALUE, OUT_OF_MEMORY, NOT_INITIALIZED, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_PTX = 218,
       INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURE_UNJOINED = 904, CAPTURE_ISOLATION = 905 };

// ---- what a test sees and sets

static char faults[1 << 16];
static struct { const char *name; int count; } calls[128];
static struct { char call[64]; int after; CUresult code; } injected[8];
static int version, devices, major_, context_count, kernels_left;
static size_t memory_limit, memory_used;
static CUresult late; // no call succeeds after it

static CUresult fault(CUresult r, const char *format, ...)
{
	size_t n = strlen(faults);
	va_list list;
	va_start(list, format);
	vsnprintf(faults + n, sizeof faults - n - 2, format, list);
	va_end(list);
	strcat(faults, "\n");
	return r;
}

static int count(const char *name, int add)
{
	int i = 0;
	while (calls[i].name && strcmp(calls[i].name, name))
		i++;
	if (add && !calls[i].name)
		calls[i].name = name;
	return calls[i].count += add;
}

static CUresult inject(const char *name)
{
	for (int i = 0; i < 8; i++)
		if (!strcmp(injected[i].call, name) && injected[i].code && injected[i].after-- == 0) {
			CUresult r = injected[i].code;
			injected[i].code = 0;
			return r;
		}
	return OK;
}

const char *stub_faults(void) { return faults; }
int stub_count(const char *name) { return count(name, 0); }
int stub_contexts(void) { return context_count; }
uint64_t stub_memory(void) { return memory_used; }
void stub_limit(uint64_t bytes) { memory_limit = bytes; }
void stub_device(int n, int major, int driver) { devices = n, major_ = major, version = driver; }
// the launch that is done after so many others fails with an illegal address
void stub_late(int after) { kernels_left = after; }
void stub_inject(const char *call, int after, int code)
{
	for (int i = 0; i < 8; i++)
		if (!injected[i].code) {
			snprintf(injected[i].call, sizeof injected[i].call, "%s", call);
			injected[i].after = after, injected[i].code = code;
			return;
		}
}

// ---- objects

struct context { int alive; };
struct module { int alive; char *image; };
struct function { CUmodule mod; char name[128]; int params, size[64], offset[64], bytes, max_threads, dynamic; };
enum { COPY_IN = 1, COPY_OUT, COPY, FILL, LAUNCH, RECORD, WAIT };
struct op { int kind; CUdeviceptr d, s; char *h; size_t n; uint32_t word; CUfunction f; unsigned grid[3], block[3], shared; char params[4096]; CUevent e; struct op *next; };
struct stream { int alive; struct op *head, **tail; CUgraph capture; int mode, broken, joined, ahead; long thread; };
struct event { int alive, flags, recorded, queued, done, asked; CUstream s; CUgraph capture; double at; };
struct graph { int alive; struct op *head, **tail; };
struct exec { int alive; struct op *head; };

static struct context primary;
static int initialised;
static __thread CUcontext current;
static __thread int thread_mode; // GLOBAL 0, THREAD_LOCAL 1, RELAXED 2
static __thread CUstream capturing;
static struct { CUdeviceptr at; size_t n; char *mem; } memory[4096];
static struct { char *at; size_t n; } pinned[4096];
static CUdeviceptr next_address;
static double ticks;
static long self(void) { return syscall(SYS_gettid); }
static CUstream streams[64];

void stub_reset(void)
{
	memset(faults, 0, sizeof faults), memset(calls, 0, sizeof calls), memset(injected, 0, sizeof injected);
	memset(memory, 0, sizeof memory), memset(pinned, 0, sizeof pinned), memset(streams, 0, sizeof streams);
	memset(&primary, 0, sizeof primary);
	version = 12050, devices = 2, major_ = 8, initialised = 0, context_count = 0, kernels_left = -1, late = 0;
	memory_limit = (size_t)80 << 30, memory_used = 0, next_address = 0x7f0000000000, ticks = 0;
}

static char *host_of(CUdeviceptr p, size_t n, const char *what)
{
	for (int i = 0; i < 4096; i++)
		if (memory[i].mem && p >= memory[i].at && p + n <= memory[i].at + memory[i].n)
			return memory[i].mem + (p - memory[i].at);
	fault(0, "%s: no device memory at %#llx of %zu bytes", what, (unsigned long long)p, n);
	return NULL;
}

static int is_pinned(const char *p, size_t n)
{
	for (int i = 0; i < 4096; i++)
		if (pinned[i].at && p >= pinned[i].at && p + n <= pinned[i].at + pinned[i].n)
			return 1;
	return 0;
}

// ---- the rules of every call

#define ENTER(name)                                                                                              \
	do {                                                                                                         \
		count(name, 1);                                                                                          \
		if (!initialised) return fault(NOT_INITIALIZED, name ": before cuInit");                                 \
		if (late) return late;                                                                                   \
		CUresult injected_ = inject(name);                                                                       \
		if (injected_) return injected_;                                                                         \
	} while (0)
#define CONTEXT(name)                                                                                            \
	do {                                                                                                         \
		ENTER(name);                                                                                             \
		if (!current || !current->alive) return fault(INVALID_CONTEXT, name ": no context on this thread");      \
	} while (0)
#define NO_CAPTURE(name)                                                                                         \
	do {                                                                                                         \
		if (capturing && thread_mode != 2) {                                                                     \
			capturing->broken = 1;                                                                               \
			return fault(CAPTURE_UNSUPPORTED, name ": during a capture");                                        \
		}                                                                                                        \
	} while (0)
#define HANDLE(name, h)                                                                                          \
	do {                                                                                                         \
		if (!(h) || !(h)->alive) return fault(INVALID_HANDLE, name ": no such handle %p", (void *)(h));          \
	} while (0)
#define GIVEN(name, p)                                                                                           \
	do {                                                                                                         \
		if (!(p)) return fault(INVALID_VALUE, name ": " #p " is null");                                          \
	} while (0)

CUresult cuInit(unsigned flags)
{
	count("cuInit", 1);
	if (flags) return fault(INVALID_VALUE, "cuInit: flags %u", flags);
	CUresult r = inject("cuInit");
	initialised = !r;
	return r;
}

CUresult cuDriverGetVersion(int *v) { GIVEN("cuDriverGetVersion", v); *v = version; return OK; }

static const struct { CUresult r; const char *name, *text; } names[] = {
	{1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"}, {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
	{3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"}, {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
	{218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}, {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "PTX JIT compiler library not found"},
	{222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
	{700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}, {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
	{201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}, {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
	{500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
	{901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}};

static CUresult word(CUresult r, const char **s, int text)
{
	GIVEN("cuGetErrorName", s);
	*s = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].r == r) {
			*s = text ? names[i].text : names[i].name;
			return OK;
		}
	return INVALID_VALUE;
}
CUresult cuGetErrorName(CUresult r, const char **s) { return word(r, s, 0); }
CUresult cuGetErrorString(CUresult r, const char **s) { return word(r, s, 1); }

// ---- devices and contexts

CUresult cuDeviceGetCount(int *n) { ENTER("cuDeviceGetCount"); GIVEN("cuDeviceGetCount", n); *n = devices; return OK; }

CUresult cuDeviceGet(CUdevice *d, int ordinal)
{
	ENTER("cuDeviceGet");
	if (ordinal < 0 || ordinal >= devices) return fault(INVALID_DEVICE, "cuDeviceGet: ordinal %d", ordinal);
	*d = ordinal + 40; // a CUdevice is no ordinal
	return OK;
}

static int is_device(CUdevice d) { return d >= 40 && d < 40 + devices; }

CUresult cuDeviceGetName(char *name, int len, CUdevice d)
{
	ENTER("cuDeviceGetName");
	if (!is_device(d) || len < 32) return fault(INVALID_VALUE, "cuDeviceGetName: length %d, device %d", len, d);
	memset(name, 'x', len);
	snprintf(name, len, "Stub A%d", 100 + d - 40);
	return OK;
}

CUresult cuDeviceGetAttribute(int *v, int a, CUdevice d)
{
	static const int known[][2] = {{8, 49152}, {13, 1410000}, {16, 108}, {36, 1593000}, {37, 5120}, {38, 41943040}, {39, 2048}, {76, 0}, {81, 167936}, {82, 65536}, {97, 166912}};
	ENTER("cuDeviceGetAttribute");
	if (!is_device(d)) return fault(INVALID_DEVICE, "cuDeviceGetAttribute: device %d", d);
	if (a == 75) { *v = major_; return OK; }
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i][0] == a) { *v = known[i][1]; return OK; }
	return fault(INVALID_VALUE, "cuDeviceGetAttribute: %d", a);
}

CUresult cuDeviceTotalMem_v2(size_t *n, CUdevice d)
{
	ENTER("cuDeviceTotalMem_v2");
	if (!is_device(d)) return fault(INVALID_DEVICE, "cuDeviceTotalMem: device %d", d);
	*n = memory_limit;
	return OK;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
	ENTER("cuDevicePrimaryCtxRetain");
	if (!is_device(d)) return fault(INVALID_DEVICE, "cuDevicePrimaryCtxRetain: device %d", d);
	context_count++, primary.alive = 1, *c = &primary;
	return OK;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d)
{
	count("cuDevicePrimaryCtxRelease_v2", 1);
	if (!is_device(d) || context_count < 1) return fault(INVALID_CONTEXT, "cuDevicePrimaryCtxRelease: device %d", d);
	primary.alive = --context_count > 0;
	return OK;
}

CUresult cuCtxSetCurrent(CUcontext c)
{
	count("cuCtxSetCurrent", 1);
	if (c != &primary) return fault(INVALID_CONTEXT, "cuCtxSetCurrent: %p", (void *)c);
	current = c;
	return OK;
}

// ---- memory

CUresult cuMemGetInfo_v2(size_t *free, size_t *total)
{
	CONTEXT("cuMemGetInfo_v2");
	*free = memory_limit - memory_used, *total = memory_limit;
	return OK;
}

static void drain(CUstream s, CUevent until);

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n)
{
	CONTEXT("cuMemAlloc_v2");
	NO_CAPTURE("cuMemAlloc_v2");
	GIVEN("cuMemAlloc_v2", p);
	if (!n) return fault(INVALID_VALUE, "cuMemAlloc: 0 bytes");
	if (memory_used + n > memory_limit) return OUT_OF_MEMORY;
	for (int i = 0; i < 4096; i++)
		if (!memory[i].mem) {
			memory[i].at = *p = next_address, memory[i].n = n, memory[i].mem = malloc(n);
			memset(memory[i].mem, 0xab, n < 1 << 24 ? n : 1 << 24);
			next_address += (n + 0x1fffff) / 0x200000 * 0x200000 + 0x200000;
			memory_used += n;
			return OK;
		}
	return OUT_OF_MEMORY;
}

CUresult cuMemFree_v2(CUdeviceptr p)
{
	CONTEXT("cuMemFree_v2");
	NO_CAPTURE("cuMemFree_v2");
	for (int i = 0; i < 64; i++)
		if (streams[i]) drain(streams[i], NULL);
	for (int i = 0; i < 4096; i++)
		if (memory[i].mem && memory[i].at == p) {
			free(memory[i].mem);
			memory[i].mem = NULL, memory_used -= memory[i].n;
			return OK;
		}
	return fault(INVALID_VALUE, "cuMemFree: %#llx", (unsigned long long)p);
}

CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags)
{
	CONTEXT("cuMemHostAlloc");
	NO_CAPTURE("cuMemHostAlloc");
	GIVEN("cuMemHostAlloc", p);
	if (flags > 7 || !n) return fault(INVALID_VALUE, "cuMemHostAlloc: %zu bytes, flags %u", n, flags);
	for (int i = 0; i < 4096; i++)
		if (!pinned[i].at) {
			pinned[i].n = n, *p = pinned[i].at = malloc(n);
			memset(*p, 0xcd, n);
			return OK;
		}
	return OUT_OF_MEMORY;
}

CUresult cuMemFreeHost(void *p)
{
	CONTEXT("cuMemFreeHost");
	NO_CAPTURE("cuMemFreeHost");
	for (int i = 0; i < 4096; i++)
		if (p && pinned[i].at == p) {
			free(p);
			pinned[i].at = NULL;
			return OK;
		}
	return fault(INVALID_VALUE, "cuMemFreeHost: %p", p);
}

// ---- streams: work waits in a list until something waits for it

static CUresult put(CUstream s, struct op o)
{
	if (s->capture && s->thread != self() && s->mode != 2) {
		s->broken = 1;
		return fault(CAPTURE_UNSUPPORTED, "work on a capturing stream from another thread");
	}
	s->ahead = s->joined;
	struct op *copy = malloc(sizeof o);
	*copy = o;
	copy->next = NULL;
	if (s->capture)
		*s->capture->tail = copy, s->capture->tail = &copy->next;
	else
		*s->tail = copy, s->tail = &copy->next;
	return OK;
}

// run_kernel knows three kernels by their names.
//   echo(.u64 y, ...)                    y[..] = number of parameters, grid, block, shared, then the parameter block, in bytes from y
//   axpb(.u64 y, .u64 x, .f32 a, .f64 b, .u32 n)   y[i] = a*x[i] + b
//   nop(...)                             nothing
static void run_kernel(struct op *o)
{
	CUdeviceptr y, x;
	memcpy(&y, o->params, 8);
	if (!strcmp(o->f->name, "echo")) {
		char *out = host_of(y, 32 + o->f->bytes, "echo");
		if (!out) { late = ILLEGAL_ADDRESS; return; }
		memcpy(out, &o->f->params, 4), memcpy(out + 4, o->grid, 12), memcpy(out + 16, o->block, 12), memcpy(out + 28, &o->shared, 4);
		memcpy(out + 32, o->params, o->f->bytes);
	} else if (!strcmp(o->f->name, "axpb")) {
		float a; double b; uint32_t n;
		memcpy(&x, o->params + 8, 8), memcpy(&a, o->params + 16, 4), memcpy(&b, o->params + 24, 8), memcpy(&n, o->params + 32, 4);
		float *out = (float *)host_of(y, 4ul * n, "axpb"), *in = (float *)host_of(x, 4ul * n, "axpb");
		if (!out || !in) { late = ILLEGAL_ADDRESS; return; }
		for (uint32_t i = 0; i < n; i++)
			out[i] = (float)(a * in[i] + b);
	}
}

static void run(struct op *o)
{
	char *d = NULL, *s = NULL;
	switch (o->kind) {
	case COPY_IN:
		if (!is_pinned(o->h, o->n)) fault(0, "a copy's source is gone before the copy was made");
		else if ((d = host_of(o->d, o->n, "cuMemcpyHtoDAsync"))) memcpy(d, o->h, o->n);
		break;
	case COPY_OUT:
		if (!is_pinned(o->h, o->n)) fault(0, "a copy's destination is gone before the copy was made");
		else if ((s = host_of(o->s, o->n, "cuMemcpyDtoHAsync"))) memcpy(o->h, s, o->n);
		break;
	case COPY:
		if ((d = host_of(o->d, o->n, "cuMemcpyDtoDAsync")) && (s = host_of(o->s, o->n, "cuMemcpyDtoDAsync"))) memmove(d, s, o->n);
		break;
	case FILL:
		if ((d = host_of(o->d, 4 * o->n, "cuMemsetD32Async")))
			for (size_t i = 0; i < o->n; i++) memcpy(d + 4 * i, &o->word, 4);
		break;
	case LAUNCH:
		if (kernels_left >= 0 && kernels_left-- == 0) { late = ILLEGAL_ADDRESS; return; }
		run_kernel(o);
		break;
	case RECORD:
		o->e->done = --o->e->queued == 0, o->e->at = ticks;
		break;
	case WAIT:
		if (o->e->queued) drain(o->e->s, o->e);
		break;
	}
	ticks += 0.25;
}

static void drain(CUstream s, CUevent until)
{
	while (s->head && !late && !(until && until->done)) {
		struct op *o = s->head;
		if (!(s->head = o->next)) s->tail = &s->head;
		run(o);
		free(o);
	}
}

CUresult cuStreamCreate(CUstream *s, unsigned flags)
{
	CONTEXT("cuStreamCreate");
	GIVEN("cuStreamCreate", s);
	if (flags != 1) return fault(INVALID_VALUE, "cuStreamCreate: flags %u wait for the default stream", flags);
	*s = calloc(1, sizeof **s);
	(*s)->alive = 1, (*s)->tail = &(*s)->head;
	for (int i = 0; i < 64; i++)
		if (!streams[i]) { streams[i] = *s; break; }
	return OK;
}

CUresult cuStreamDestroy_v2(CUstream s)
{
	CONTEXT("cuStreamDestroy_v2");
	HANDLE("cuStreamDestroy_v2", s);
	drain(s, NULL);
	s->alive = 0;
	return OK;
}

CUresult cuStreamSynchronize(CUstream s)
{
	CONTEXT("cuStreamSynchronize");
	HANDLE("cuStreamSynchronize", s);
	NO_CAPTURE("cuStreamSynchronize");
	drain(s, NULL);
	return late;
}

CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned flags)
{
	CONTEXT("cuStreamWaitEvent");
	HANDLE("cuStreamWaitEvent", s);
	HANDLE("cuStreamWaitEvent", e);
	if (flags) return fault(INVALID_VALUE, "cuStreamWaitEvent: flags %u", flags);
	if (e->capture && !s->capture) // the stream joins the capture, and must be waited for before its end
		s->capture = e->capture, s->mode = e->s->mode, s->thread = e->s->thread, s->joined = s->ahead = 1;
	if (e->capture != s->capture) return fault(CAPTURE_ISOLATION, "cuStreamWaitEvent: an event that is no part of the capture");
	if (e->capture) {
		if (e->s->joined) e->s->ahead = 0;
		return OK;
	}
	return put(s, (struct op){.kind = WAIT, .e = e});
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *h, size_t n, CUstream s)
{
	CONTEXT("cuMemcpyHtoDAsync_v2");
	HANDLE("cuMemcpyHtoDAsync_v2", s);
	if (!is_pinned(h, n)) return fault(INVALID_VALUE, "cuMemcpyHtoDAsync: %p is not pinned", h);
	if (!host_of(d, n, "cuMemcpyHtoDAsync")) return INVALID_VALUE;
	return put(s, (struct op){.kind = COPY_IN, .d = d, .h = (char *)h, .n = n});
}

CUresult cuMemcpyDtoHAsync_v2(void *h, CUdeviceptr d, size_t n, CUstream s)
{
	CONTEXT("cuMemcpyDtoHAsync_v2");
	HANDLE("cuMemcpyDtoHAsync_v2", s);
	if (!is_pinned(h, n)) return fault(INVALID_VALUE, "cuMemcpyDtoHAsync: %p is not pinned", h);
	if (!host_of(d, n, "cuMemcpyDtoHAsync")) return INVALID_VALUE;
	return put(s, (struct op){.kind = COPY_OUT, .s = d, .h = h, .n = n});
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr from, size_t n, CUstream s)
{
	CONTEXT("cuMemcpyDtoDAsync_v2");
	HANDLE("cuMemcpyDtoDAsync_v2", s);
	if (!host_of(d, n, "cuMemcpyDtoDAsync") || !host_of(from, n, "cuMemcpyDtoDAsync")) return INVALID_VALUE;
	return put(s, (struct op){.kind = COPY, .d = d, .s = from, .n = n});
}

CUresult cuMemsetD32Async(CUdeviceptr d, unsigned word, size_t n, CUstream s)
{
	CONTEXT("cuMemsetD32Async");
	HANDLE("cuMemsetD32Async", s);
	if (d % 4 || !host_of(d, 4 * n, "cuMemsetD32Async")) return INVALID_VALUE;
	return put(s, (struct op){.kind = FILL, .d = d, .word = word, .n = n});
}

// ---- modules and launches


CUresult cuModuleLoadDataEx(CUmodule *m, const void *image, unsigned n, unsigned *options, void **values)
{
	char *log = NULL;
	size_t *used = NULL, size = 0;
	for (unsigned i = 0; i < n; i++)
		switch (options[i]) {
		case 5: log = values[i]; break;                              // the buffer
		case 6: used = (size_t *)&values[i], size = *used; break;    // its size, in the place of a pointer
		default: return fault(INVALID_VALUE, "cuModuleLoadDataEx: option %u", options[i]);
		}
	if (!log || size < 1024 || size > 1 << 20) return fault(INVALID_VALUE, "cuModuleLoadDataEx: log at %p of %zu bytes", (void *)log, size);
	memset(log, 0, size); // all of it can be written
	count("cuModuleLoadDataEx", 1);
	if (!current) return fault(INVALID_CONTEXT, "cuModuleLoadDataEx: no context on this thread");
	NO_CAPTURE("cuModuleLoadDataEx");
	CUresult r = inject("cuModuleLoadDataEx");
	if (r == INVALID_PTX)
		*used = 1 + snprintf(log, size, "ptxas application ptx input, line 7; error   : Unknown symbol 'q'\n");
	if (r) return r;
	const char *text = image; // behind comments
	while (!strncmp(text, "//", 2) || *text == '\n') text = strchr(text, '\n') + 1;
	if (strncmp(text, ".version 7.", 11)) return fault(INVALID_PTX, "cuModuleLoadDataEx: the image is %.20s", (const char *)image);
	*m = calloc(1, sizeof **m);
	(*m)->alive = 1, (*m)->image = strdup(image);
	*used = 0;
	return OK;
}

CUresult cuModuleUnload(CUmodule m)
{
	CONTEXT("cuModuleUnload");
	HANDLE("cuModuleUnload", m);
	m->alive = 0;
	return OK;
}

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
	CONTEXT("cuModuleGetFunction");
	HANDLE("cuModuleGetFunction", m);
	char entry[160];
	snprintf(entry, sizeof entry, ".entry %s(", name);
	const char *p = strstr(m->image, entry);
	if (!p) return NOT_FOUND;
	*f = calloc(1, sizeof **f);
	CUfunction g = *f;
	g->mod = m, g->max_threads = 1024, g->dynamic = 49152;
	snprintf(g->name, sizeof g->name, "%s", name);
	const char *end = strchr(p, ')');
	while ((p = strstr(p, ".param .")) && p < end) { // .param .u64 x
		int size = atoi(p + 9) / 8;
		p += 9;
		g->offset[g->params] = g->bytes = (g->bytes + size - 1) / size * size;
		g->size[g->params++] = size, g->bytes += size;
	}
	if ((p = strstr(end, ".maxntid "))) g->max_threads = atoi(p + 9);
	return OK;
}

CUresult cuFuncGetAttribute(int *v, int a, CUfunction f)
{
	CONTEXT("cuFuncGetAttribute");
	GIVEN("cuFuncGetAttribute", f);
	switch (a) {
	case 0: *v = f->max_threads; return OK;
	case 1: *v = 1024; return OK;
	case 3: *v = 16; return OK;
	case 4: *v = 40; return OK;
	}
	return fault(INVALID_VALUE, "cuFuncGetAttribute: %d", a);
}

CUresult cuFuncSetAttribute(CUfunction f, int a, int v)
{
	CONTEXT("cuFuncSetAttribute");
	GIVEN("cuFuncSetAttribute", f);
	if (a != 8 || v < 0 || v > 166912 - 1024) return fault(INVALID_VALUE, "cuFuncSetAttribute: %d to %d", a, v);
	f->dynamic = v;
	return OK;
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s,
                        void **params, void **extra)
{
	CONTEXT("cuLaunchKernel");
	HANDLE("cuLaunchKernel", s);
	GIVEN("cuLaunchKernel", f);
	if (extra) return fault(INVALID_VALUE, "cuLaunchKernel: parameters twice");
	if (f->params && !params) return fault(INVALID_VALUE, "cuLaunchKernel: no parameters");
	if (!gx || !gy || !gz || gx > 0x7fffffff || gy > 65535 || gz > 65535 || !bx || !by || !bz || bx * by * bz > (unsigned)f->max_threads)
		return fault(INVALID_VALUE, "cuLaunchKernel: grid (%u,%u,%u), block (%u,%u,%u)", gx, gy, gz, bx, by, bz);
	if (shared > (unsigned)f->dynamic) return fault(INVALID_VALUE, "cuLaunchKernel: %u bytes of shared memory", shared);
	struct op o = {.kind = LAUNCH, .f = f, .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared = shared};
	for (int i = 0; i < f->params; i++)
		memcpy(o.params + f->offset[i], params[i], f->size[i]);
	return put(s, o);
}

// ---- events

CUresult cuEventCreate(CUevent *e, unsigned flags)
{
	CONTEXT("cuEventCreate");
	if (flags != 0 && flags != 2) return fault(INVALID_VALUE, "cuEventCreate: flags %u", flags);
	*e = calloc(1, sizeof **e);
	(*e)->alive = 1, (*e)->flags = flags, (*e)->done = 1;
	return OK;
}

CUresult cuEventDestroy_v2(CUevent e)
{
	CONTEXT("cuEventDestroy_v2");
	HANDLE("cuEventDestroy_v2", e);
	e->alive = 0;
	return OK;
}

CUresult cuEventRecord(CUevent e, CUstream s)
{
	CONTEXT("cuEventRecord");
	HANDLE("cuEventRecord", e);
	HANDLE("cuEventRecord", s);
	e->s = s, e->capture = s->capture;
	if (e->capture) return OK; // a dependency, no work
	e->recorded = 1, e->queued++, e->done = e->asked = 0;
	return put(s, (struct op){.kind = RECORD, .e = e});
}

CUresult cuEventQuery(CUevent e) // the first question comes too early
{
	CONTEXT("cuEventQuery");
	HANDLE("cuEventQuery", e);
	NO_CAPTURE("cuEventQuery");
	if (!e->done && e->asked++) drain(e->s, e);
	return late ? late : e->done ? OK : NOT_READY;
}

CUresult cuEventSynchronize(CUevent e)
{
	CONTEXT("cuEventSynchronize");
	HANDLE("cuEventSynchronize", e);
	NO_CAPTURE("cuEventSynchronize");
	if (!e->done) drain(e->s, e);
	return late;
}

CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b)
{
	CONTEXT("cuEventElapsedTime");
	HANDLE("cuEventElapsedTime", a);
	HANDLE("cuEventElapsedTime", b);
	if (a->flags || b->flags || !a->recorded || !b->recorded) return fault(INVALID_HANDLE, "cuEventElapsedTime: events without time");
	if (!a->done || !b->done) return NOT_READY;
	*ms = b->at - a->at;
	return OK;
}

// ---- graphs

CUresult cuStreamBeginCapture_v2(CUstream s, int mode)
{
	CONTEXT("cuStreamBeginCapture_v2");
	HANDLE("cuStreamBeginCapture_v2", s);
	if (mode < 0 || mode > 2) return fault(INVALID_VALUE, "cuStreamBeginCapture: mode %d", mode);
	if (s->capture) return fault(INVALID_VALUE, "cuStreamBeginCapture: twice");
	s->capture = calloc(1, sizeof *s->capture);
	s->capture->alive = 1, s->capture->tail = &s->capture->head;
	s->mode = thread_mode = mode, s->broken = 0, s->thread = self(), capturing = s;
	return OK;
}

CUresult cuStreamEndCapture(CUstream s, CUgraph *g)
{
	CONTEXT("cuStreamEndCapture");
	HANDLE("cuStreamEndCapture", s);
	GIVEN("cuStreamEndCapture", g);
	*g = NULL;
	if (!s->capture) return fault(INVALID_VALUE, "cuStreamEndCapture: no capture");
	if (s->thread != self() && s->mode != 2) return fault(CAPTURE_UNSUPPORTED, "cuStreamEndCapture: from another thread");
	if (s->joined) return fault(INVALID_VALUE, "cuStreamEndCapture: of a stream that joined");
	CUgraph made = s->capture;
	int unjoined = 0;
	for (int i = 0; i < 64; i++)
		if (streams[i] && streams[i]->capture == made)
			unjoined |= streams[i]->ahead, streams[i]->capture = NULL, streams[i]->joined = streams[i]->ahead = 0;
	capturing = NULL, thread_mode = 0;
	if (unjoined) return fault(CAPTURE_UNJOINED, "cuStreamEndCapture: a stream that joined was not waited for");
	if (s->broken) return CAPTURE_INVALIDATED;
	*g = made;
	return OK;
}

CUresult cuThreadExchangeStreamCaptureMode(int *mode)
{
	ENTER("cuThreadExchangeStreamCaptureMode");
	if (*mode < 0 || *mode > 2) return fault(INVALID_VALUE, "cuThreadExchangeStreamCaptureMode: %d", *mode);
	int before = thread_mode;
	thread_mode = *mode, *mode = before;
	return OK;
}

#ifndef WITHOUT_GRAPHS
CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long flags)
{
	CONTEXT("cuGraphInstantiateWithFlags");
	HANDLE("cuGraphInstantiateWithFlags", g);
	NO_CAPTURE("cuGraphInstantiateWithFlags");
	if (flags) return fault(INVALID_VALUE, "cuGraphInstantiateWithFlags: flags %llu", flags);
	*e = calloc(1, sizeof **e);
	(*e)->alive = 1;
	struct op **tail = &(*e)->head;
	for (struct op *o = g->head; o; o = o->next) {
		*tail = malloc(sizeof *o);
		**tail = *o, (*tail)->next = NULL, tail = &(*tail)->next;
	}
	return OK;
}
#endif

CUresult cuGraphLaunch(CUgraphExec e, CUstream s)
{
	CONTEXT("cuGraphLaunch");
	HANDLE("cuGraphLaunch", e);
	HANDLE("cuGraphLaunch", s);
	for (struct op *o = e->head; o; o = o->next)
		put(s, *o);
	return OK;
}

CUresult cuGraphDestroy(CUgraph g)
{
	CONTEXT("cuGraphDestroy");
	HANDLE("cuGraphDestroy", g);
	g->alive = 0;
	return OK;
}

CUresult cuGraphExecDestroy(CUgraphExec e)
{
	CONTEXT("cuGraphExecDestroy");
	HANDLE("cuGraphExecDestroy", e);
	e->alive = 0;
	return OK;
}

// The exports of old versions have other arguments; nobody may call them.
#define OLD(name) CUresult name(void) { return fault(INVALID_VALUE, #name ": the export of an old version"); }
OLD(cuMemAlloc) OLD(cuMemFree) OLD(cuMemGetInfo) OLD(cuDeviceTotalMem) OLD(cuMemcpyHtoDAsync) OLD(cuMemcpyDtoHAsync) OLD(cuMemcpyDtoDAsync)
OLD(cuStreamBeginCapture) OLD(cuStreamDestroy) OLD(cuEventDestroy) OLD(cuDevicePrimaryCtxRelease) OLD(cuGraphInstantiate) OLD(cuGraphInstantiate_v2)
