// nvrtc 12.9, -arch=compute_80 -fmad=false
#include <cuda_fp16.h>
extern "C" __global__ void half2_(const __half2 *a, const __half2 *b, const __half2 *c, __half2 *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    __half2 v[6];
    v[0] = __hadd2(a[i], b[i]);
    v[1] = __hfma2(a[i], b[i], c[i]);
    v[2] = __hgt2(a[i], b[i]);
    v[3] = __hmax2(a[i], b[i]);
    v[4] = __lowhigh2highlow(a[i]);
    v[5] = __hadd2_sat(a[i], b[i]);
    __half *o = (__half *)y + i * 12;
    for (int k = 0; k < 6; k++) {
        o[k] = __low2half(v[k]);
        o[6 + k] = __high2half(v[k]);
    }
}
