// nvrtc 13.5, -arch=compute_80 -fmad=false --device-int128
typedef __int128 L;
typedef unsigned __int128 UL;
extern "C" __global__ void i128(const unsigned long long *x, unsigned long long *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    UL a = (UL)x[4 * i] << 64 | x[4 * i + 1], b = (UL)x[4 * i + 2] << 64 | x[4 * i + 3];
    UL s = a * b + a - b;
    s ^= (a << (i % 128)) | (b >> (i % 127));
    s += (L)a >> (i % 100);
    if ((L)a < (L)b)
        s += a;
    UL d = b >> (i % 120);
    if (!d)
        d = 7;
    s ^= a / d;
    s += a % d;
    L sd = (L)d;
    s ^= (UL)((L)a / sd);
    y[2 * i] = s >> 64;
    y[2 * i + 1] = s;
}
