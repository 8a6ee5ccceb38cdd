// nvrtc 12.9, -arch=compute_80 -fmad=false
#include <cuda_bf16.h>
#include <cuda_fp16.h>
extern "C" __global__ void hatomic(__half *a, __half2 *b, __nv_bfloat16 *c) {
    int t = threadIdx.x;
    atomicAdd(a, __float2half((float)(t % 4)));
    atomicAdd(b, __floats2half2_rn(1.f, (float)(t & 1)));
    atomicAdd(c, __float2bfloat16(1.f));
}
