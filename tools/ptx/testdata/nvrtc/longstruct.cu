// nvrtc 13.5, -arch=compute_80 -fmad=false
struct Big {
    double a[4];
    int b[6];
    char c[5];
};
__device__ __noinline__ Big mk(int i, Big o) {
    for (int k = 0; k < 4; k++)
        o.a[k] += i * k;
    for (int k = 0; k < 6; k++)
        o.b[k] ^= i << k;
    for (int k = 0; k < 5; k++)
        o.c[k] += i;
    return o;
}
__device__ __noinline__ Big rec(int d, Big o) { return d == 0 ? o : rec(d - 1, mk(d, o)); }
extern "C" __global__ void longstruct(double *y) {
    Big b = {};
    b = mk(threadIdx.x, b);
    b = rec(threadIdx.x % 4, b);
    double s = 0;
    for (int k = 0; k < 4; k++)
        s += b.a[k] * (k + 1);
    for (int k = 0; k < 6; k++)
        s += b.b[k] * (k + 2);
    for (int k = 0; k < 5; k++)
        s += b.c[k];
    y[threadIdx.x] = s;
}
