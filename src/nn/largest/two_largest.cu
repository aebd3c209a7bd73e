// The two largest logits of each row, compiled at run time by NVRTC.

#define INFINITE __int_as_float(0x7f800000)

struct Best {
  float first, second;
  int index;
};

__device__ __forceinline__ Best better(Best a, Best b) {
  bool left = a.first > b.first || (a.first == b.first && a.index < b.index);
  Best best = left ? a : b;
  best.second = fmaxf(left ? b.first : a.first, best.second);
  return best;
}

// For each row of logits (rows, vocabulary): the index of the first largest (exact in f32), that
// logit, and the largest other one, in output (rows, 3). Not a number if any logit is none, or +inf.
extern "C" __global__ void two_largest(const float *logits, float *output, int vocabulary) {
  __shared__ Best partial[32];
  const float *row = logits + (size_t)blockIdx.x * vocabulary;
  Best best = {-INFINITE, -INFINITE, 0x7fffffff};
  bool numbers = true;
  for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
    float logit = row[i];
    numbers = numbers && logit < INFINITE;
    best = better(best, Best{logit, -INFINITE, i});
  }
  for (int offset = 16; offset > 0; offset >>= 1) {
    Best other = {__shfl_xor_sync(0xffffffffu, best.first, offset), __shfl_xor_sync(0xffffffffu, best.second, offset),
                  __shfl_xor_sync(0xffffffffu, best.index, offset)};
    best = better(best, other);
  }
  if (!(threadIdx.x & 31)) partial[threadIdx.x >> 5] = best;
  numbers = __syncthreads_and(numbers);
  if (threadIdx.x) return;
  for (int warp = 1; warp < (blockDim.x >> 5); warp++) best = better(best, partial[warp]);
  output[blockIdx.x * 3] = (float)best.index;
  output[blockIdx.x * 3 + 1] = numbers ? best.first : __int_as_float(0x7fffffff);
  output[blockIdx.x * 3 + 2] = best.second;
}
