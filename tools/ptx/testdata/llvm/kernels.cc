// Kernels of the cases in this folder, for the test of tools/ptx. clang 14 compiled them to kernels.ptx:
//	clang++ -x cuda --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc -nocudalib -ffp-contract=off -fwrapv -O2 -S
// and, as C++ with IX for the thread, to a program whose results are the .out.bin files.
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned long long u64; typedef long long s64;
#ifdef __CUDA__
#define __global__ __attribute__((global))
#define D __attribute__((device)) __attribute__((noinline))
#define K extern "C" __global__ void
#define IDX int i=__nvvm_read_ptx_sreg_ctaid_x()*__nvvm_read_ptx_sreg_ntid_x()+__nvvm_read_ptx_sreg_tid_x(); if(i>=n) return;
#else
#define D static
#define K void
int IX;
#define IDX int i=IX; if(i>=n) return;
#endif
struct Q { int a[6]; float f; };
D int collatz(int x){ int c=0; while(x>1 && c<200){ x=(x&1)?3*x+1:x/2; c++; } return c; }
D float rec(float x,int n){ return n<=0? x : rec(x*0.5f+1.0f,n-1)-0.25f*x; }
K k0(unsigned* a, unsigned* o, int n){ IDX unsigned x=a[i], y=a[(i+1)%n], z=a[(i+7)%n]|1;
 unsigned r=x/z; r^=x%z*31; r+=(int)x/(int)(z&0x7fffffff|1); r^=(unsigned)((u64)x*y>>32); r+=(x<<(y&31))|(x>>((32-(y&31))&31)); r^=(unsigned)((int)x>>(z&31));
 r+= (int)x<(int)y ? x-y : y*z; r^=(u8)x; r+=(unsigned)(int)(signed char)y; r^=(u16)z<<3; r+=(unsigned)(short)x; o[i]=r; }
K k1(u64* a, u64* o, int n){ IDX u64 x=a[i], y=a[(i+3)%n]|1; s64 sx=(s64)x, sy=(s64)(y>>3)|1; u64 r=x/y; r^=x%y; r+=(u64)(sx/sy); r^=(u64)(sx%sy); r+=x*y; r^=x<<(y&63); r+=(u64)(sx>>(y&63)); r^=(u64)(int)x; r+= sx<sy? 5:7; r^=(u64)(float)(x>>40); o[i]=r; }
K k2(float* a, float* o, int n){ IDX float x=a[i], y=a[(i+1)%n]; float r=x*y+x; r=r-y/(x*x+1.0f); r+=(float)(int)(x*3)+(float)(unsigned)(y*y); r+= x<y? x : y*2; r+=(x==x? 1.0f:0.0f); if(!(x>=y)) r+=0.5f; if(x!=y) r-=0.125f; r+=(float)(double)x*(float)((double)y*1.0000001); r+=(float)(u8)(int)(x*x*10); o[i]=r; }
K k3(double* a, double* o, int n){ IDX double x=a[i],y=a[(i+2)%n]; double r=x*y-x/(y*y+1); r+=(double)(s64)(x*1000)+(double)(float)y+(double)(u64)(y*y*1e6)+(x<y?1:2); o[i]=r; }
K k4(int* a, int* o, int n){ IDX int x=a[i]&0xffff; int r=collatz(x); switch(x%9){case 0:r+=3;break;case 1:r*=5;break;case 2:r^=0x55;break;case 3:r-=x;break;case 4:r<<=2;break;case 5:r=-r;break;case 6:r|=64;break;case 7:r&=~3;break;default:r=~r;} for(int k=0;k<x%5;k++){ if(k==3) continue; r+=k*x; if(r>100000) break; } o[i]=r; }
K k5(float* a, float* o, int n){ IDX o[i]=rec(a[i],i%6); }
K k6(int* a, int* o, int n){ IDX int t[16]; for(int k=0;k<16;k++) t[k]=a[(i+k)%n]; for(int k=0;k<40;k++){ int p=(k*7+i)&15,q=(k*3+1)&15; int v=t[p]; t[p]=t[q]^k; t[q]=v+t[p]; } int s=0; for(int k=0;k<16;k++) s=s*31+t[k]; o[i]=s; }
K k7(u8* a, u8* o, int n){ IDX u8 x=a[i]; short s=(short)(x*300); signed char c=(signed char)x; o[i]=(u8)((s>>2)+c*3+(x>>1)-(c<0)+(u8)(s*s)); }
K k8(Q q, int* a, int* o, int n){ IDX o[i]=q.a[i%6]*a[i]+(int)(q.f*i); }
