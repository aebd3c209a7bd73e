// What all kernels share: the type of the numbers, sums over a warp, and a row of a product.
//
// Compiled at run time by NVRTC, in front of the kernels, with one of NUMBER_F32, NUMBER_F16,
// NUMBER_BF16. Arithmetic is f32; results are rounded to the type where candle's separate operations
// would. Shapes are written as in Rust, last axis contiguous.

#if defined(NUMBER_BF16)
typedef unsigned short number;
__device__ __forceinline__ float to_float(number x) { return __uint_as_float((unsigned)x << 16); }
__device__ __forceinline__ number from_float(float x) {
  unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (number)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#elif defined(NUMBER_F16)
typedef unsigned short number;
__device__ __forceinline__ float to_float(number x) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x));
  return value;
}
__device__ __forceinline__ number from_float(float x) {
  number value;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(value) : "f"(x));
  return value;
}
#else
typedef float number;
__device__ __forceinline__ float to_float(number x) { return x; }
__device__ __forceinline__ number from_float(float x) { return x; }
#endif

#define INFINITE __int_as_float(0x7f800000)
// Numbers in one 16-byte load.
#define PACK (16 / (int)sizeof(number))

union Pack {
  uint4 bits;
  number items[PACK];
};

__device__ __forceinline__ float rounded(float x) { return to_float(from_float(x)); }

__device__ __forceinline__ float warp_sum(float x) {
  for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

// A warp's share of weights[row] . x, summed over the warp.
__device__ __forceinline__ float dot(const number *weights, const number *x, int inputs) {
  const uint4 *w = (const uint4 *)weights;
  const uint4 *v = (const uint4 *)x;
  float sum = 0.0f;
#pragma unroll 4
  for (int pack = threadIdx.x & 31; pack < inputs / PACK; pack += 32) {
    Pack a, b;
    a.bits = __ldcs(w + pack);
    b.bits = __ldg(v + pack);
#pragma unroll
    for (int i = 0; i < PACK; i++) sum += to_float(a.items[i]) * to_float(b.items[i]);
  }
  return warp_sum(sum);
}
