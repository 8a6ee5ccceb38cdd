// nvrtc 13.5, -arch=compute_80 -G -fmad=false
union U {
    float f;
    unsigned u;
    unsigned char c[4];
    unsigned short h[2];
};
extern "C" __global__ void unions(const float *x, unsigned *y) {
    int i = threadIdx.x;
    U u;
    u.f = x[i];
    u.c[i % 4] ^= 0x5a;
    u.h[i % 2] += 77;
    struct {
        unsigned a : 5, b : 11, c : 16;
    } bf = {u.u & 31, u.u >> 5 & 2047, u.u >> 16};
    bf.b += i;
    y[i] = (bf.a << 27 | bf.b << 16 | bf.c) ^ u.u;
}
