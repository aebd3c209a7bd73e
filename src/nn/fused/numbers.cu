// What all kernels share: the type of the numbers, sums over a warp, products of tensor cores, and how a kernel
// follows the one before.
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

__device__ __forceinline__ float silu(float x) { return x / (1.0f + __expf(-x)); }

// A kernel may start while the one before it in the stream still runs (`launch.rs`). Until this returns it
// must touch nothing but weights; then all that earlier kernels wrote is there.
__device__ __forceinline__ void wait_for_earlier() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

#if !defined(NUMBER_F32)

#if defined(NUMBER_BF16)
#define KIND "bf16"
#else
#define KIND "f16"
#endif

// c (16, 8) += a (16, 16) b (16, 8), spread over a warp as PTX has it for mma.m16n8k16.
__device__ __forceinline__ void multiply(float *c, const unsigned *a, unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." KIND "." KIND ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif
