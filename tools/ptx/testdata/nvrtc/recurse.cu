// nvrtc 13.5, -arch=compute_80 -G -fmad=false
__device__ __noinline__ int ack(int m, int n) {
    if (m == 0)
        return n + 1;
    if (n == 0)
        return ack(m - 1, 1);
    return ack(m - 1, ack(m, n - 1));
}
__device__ int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
__device__ __noinline__ void qs(int *a, int lo, int hi) {
    if (lo >= hi)
        return;
    int p = a[(lo + hi) / 2], i = lo, j = hi;
    while (i <= j) {
        while (a[i] < p)
            i++;
        while (a[j] > p)
            j--;
        if (i <= j) {
            int t = a[i];
            a[i++] = a[j];
            a[j--] = t;
        }
    }
    qs(a, lo, j);
    qs(a, i, hi);
}
extern "C" __global__ void recurse(int *x, int *y) {
    int i = threadIdx.x;
    y[i] = ack(i % 3, i % 5) + fib(i % 10);
    int b[12];
    for (int k = 0; k < 12; k++)
        b[k] = x[i * 12 + k];
    qs(b, 0, 11);
    for (int k = 0; k < 12; k++)
        x[i * 12 + k] = b[k];
}
