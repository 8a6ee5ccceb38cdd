// nvrtc 12.9, -arch=compute_80 -fmad=false -std=c++17
#include <cooperative_groups.h>
#include <cuda/pipeline>
extern "C" __global__ void cupipe(const float *x, float *y, int n) {
    __shared__ float s[2][128];
    __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, 2> st;
    auto b = cooperative_groups::this_thread_block();
    auto p = cuda::make_pipeline(b, &st);
    float a = 0;
    p.producer_acquire();
    cuda::memcpy_async(b, s[0], x, sizeof(float) * 128, p);
    p.producer_commit();
    for (int k = 0; k < n; k++) {
        if (k + 1 < n) {
            p.producer_acquire();
            cuda::memcpy_async(b, s[(k + 1) & 1], x + (k + 1) * 128, sizeof(float) * 128, p);
            p.producer_commit();
        }
        p.consumer_wait();
        a += s[k & 1][127 - threadIdx.x];
        p.consumer_release();
    }
    y[threadIdx.x] = a;
}
