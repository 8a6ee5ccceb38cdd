// nvrtc 12.9, -arch=compute_80 -fmad=false
extern "C" __global__ void prints(const float *x, int *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        y[i] = (int)x[i];
        if (x[i] > 1.9f)
            printf("x[%d]=%f %s %lld\n", i, x[i], "big", (long long)i << 40);
    }
}
