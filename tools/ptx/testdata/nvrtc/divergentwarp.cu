// nvrtc 13.5, -arch=compute_80 -fmad=false
extern "C" __global__ void divergentwarp(const int *x, int *y) {
    int t = threadIdx.x, v = x[t], s = 0;
    unsigned m = __ballot_sync(~0u, v & 1);
    if (v & 1) {
        for (int o = 0; o < v % 7; o++)
            s += o * v;
        s += __popc(m);
        __syncwarp(m);
        s += __reduce_add_sync(m, s);
    } else {
        s = v;
        int k = 0;
        while (s > 1) {
            s = s & 1 ? 3 * s + 1 : s / 2;
            k++;
        }
        s = k + __popc(~m);
        __syncwarp(~m);
        s += __shfl_sync(~m, s, __ffs(~m) - 1);
    }
    __syncwarp();
    y[t] = s + __shfl_xor_sync(~0u, s, 1);
}
