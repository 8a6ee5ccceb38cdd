// nvrtc 13.5, -arch=compute_80 -fmad=false
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
namespace cg = cooperative_groups;
extern "C" __global__ void coop(const int *x, int *y, int *z, int *u) {
    cg::thread_block b = cg::this_thread_block();
    auto t = cg::tiled_partition<8>(b);
    int i = b.group_index().x * b.size() + b.thread_rank();
    y[i] = cg::reduce(t, x[i], cg::plus<int>());
    z[i] = cg::inclusive_scan(t, x[i]);
    if (x[i] > 0) {
        auto c = cg::coalesced_threads();
        u[i] = c.thread_rank() * 100 + c.size();
    }
    b.sync();
}
