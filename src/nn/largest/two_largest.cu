// The two largest logits of each row. Compiled behind ../fused/numbers.cu.

struct Best {
  float first, second;
  int index, second_index;
};

// Whether the first logit comes before the second: it is larger, or as large with the smaller index.
__device__ __forceinline__ bool before(float a, int a_index, float b, int b_index) {
  return a > b || (a == b && a_index < b_index);
}

__device__ __forceinline__ Best better(Best a, Best b) {
  if (!before(a.first, a.index, b.first, b.index)) {
    Best swapped = a;
    a = b;
    b = swapped;
  }
  // The winner keeps its own runner-up unless the loser's first is ahead of it.
  if (before(b.first, b.index, a.second, a.second_index)) {
    a.second = b.first;
    a.second_index = b.index;
  }
  return a;
}

// For each part of each row of logits (rows, vocabulary), a block each: the index of the first largest (exact in
// f32), that logit, the largest other one, and its index, in output (rows, parts, 4). Not a number if any logit of
// the part is none, or +inf.
extern "C" __global__ void two_largest(const float *logits, float *output, int vocabulary, int part) {
  __shared__ Best partial[32];
  const float *row = logits + (size_t)blockIdx.x * vocabulary;
  int end = min(vocabulary, (int)(blockIdx.y + 1) * part);
  Best best = {-INFINITE, -INFINITE, 0x7fffffff, 0x7fffffff};
  bool numbers = true;
  for (int i = blockIdx.y * part + threadIdx.x; i < end; i += blockDim.x) {
    float logit = row[i];
    numbers = numbers && logit < INFINITE;
    best = better(best, Best{logit, -INFINITE, i, 0x7fffffff});
  }
  for (int offset = 16; offset > 0; offset >>= 1) {
    Best other = {__shfl_xor_sync(0xffffffffu, best.first, offset), __shfl_xor_sync(0xffffffffu, best.second, offset),
                  __shfl_xor_sync(0xffffffffu, best.index, offset),
                  __shfl_xor_sync(0xffffffffu, best.second_index, offset)};
    best = better(best, other);
  }
  if (!(threadIdx.x & 31)) partial[threadIdx.x >> 5] = best;
  numbers = __syncthreads_and(numbers);
  if (threadIdx.x) return;
  for (int warp = 1; warp < (blockDim.x >> 5); warp++) best = better(best, partial[warp]);
  float *found = output + (blockIdx.x * gridDim.y + blockIdx.y) * 4;
  found[0] = (float)best.index;
  found[1] = numbers ? best.first : __int_as_float(0x7fffffff);
  found[2] = best.second;
  found[3] = (float)best.second_index;
}
