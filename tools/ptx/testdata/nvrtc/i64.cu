// nvrtc 12.9, -arch=compute_80 -fmad=false
extern "C" __global__ void i64(const long long *x, const long long *z, long long *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    long long a = x[i], b = z[i], d = b ? b : 3;
    unsigned long long ua = a, ud = d;
    long long s = 0;
    s += a / d;
    s ^= a % d;
    s += (long long)(ua / ud);
    s ^= (long long)(ua % ud);
    s += a * b;
    s ^= __mul64hi(a, b);
    s += (long long)__umul64hi(ua, b);
    s ^= a << (i & 63);
    s += a >> (i & 63);
    s ^= (long long)(ua >> (i & 63));
    s += min(a, b) ^ max(a, b);
    s ^= __clzll(a) + __popcll(b) + __ffsll(a);
    s += __brevll(a);
    s ^= (long long)__shfl_xor_sync(__ballot_sync(~0u, 1), 0, 0);
    s += (a > b) + (ua < ud) * 2;
    y[i] = s;
}
