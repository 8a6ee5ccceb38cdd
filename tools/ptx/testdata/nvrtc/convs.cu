// nvrtc 13.5, -arch=compute_80 -fmad=false
extern "C" __global__ void convs(const float *x, const double *d, long long *y, float *z, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    float v = x[i];
    long long *o = y + i * 10;
    o[0] = llrintf(fminf(fmaxf(v, -1e9f), 1e9f));
    o[1] = (int)fminf(fmaxf(v, -2e9f), 2e9f);
    o[2] = (unsigned)fminf(fabsf(v), 4e9f);
    o[3] = (long long)(fmin(fmax(d[i], -9e18), 9e18));
    o[4] = (unsigned long long)fmin(fabs(d[i]), 1.8e19);
    o[5] = (short)(int)fminf(fmaxf(v, -30000.f), 30000.f);
    o[6] = lrint(fmin(fmax(d[i], -9e17), 9e17));
    o[7] = (unsigned char)(int)fminf(fabsf(v), 255.f);
    o[8] = (long long)floor(fmin(fmax(d[i], -9e17), 9e17));
    o[9] = __double_as_longlong((double)v);
    float *p = z + i * 6;
    p[0] = (float)(int)(o[1] * 3);
    p[1] = (float)(unsigned)o[2];
    p[2] = (float)o[3];
    p[3] = (float)(unsigned long long)o[4];
    p[4] = (float)d[i];
    p[5] = (float)((double)o[3] * (double)(unsigned long long)o[4]);
}
