// nvrtc 13.5, -arch=compute_80 -fmad=false
extern "C" __global__ void simdint(const unsigned *a, const unsigned *b, unsigned *y) {
    int i = threadIdx.x;
    unsigned s = __vadd4(a[i], b[i]);
    s ^= __vabsdiffu4(a[i], b[i]);
    s += __vsadu4(a[i], b[i]);
    s ^= __vmaxs2(a[i], b[i]);
    s += __vcmpgtu4(a[i], b[i]);
    s ^= __vavgu4(a[i], b[i]);
    s += __vminu2(a[i], b[i]);
    s ^= __vsub4(a[i], b[i]);
    s += __vseteq4(a[i], b[i]);
    y[i] = s;
}
