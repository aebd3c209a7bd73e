// The decode step's own kernels: one token for each row of a batch. Compiled behind numbers.cu with
// HEAD_DIM.

__device__ __forceinline__ float silu(float x) { return x / (1.0f + __expf(-x)); }

// output (half) = silu(weights[..half] x) * weights[half..] x; a warp each.
extern "C" __global__ void gated_matrix_vector(const number *weights, const number *x, number *output,
                                               int inputs, int half) {
  int index = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
  if (index >= half) return;
  float gate = dot(weights + (size_t)index * inputs, x, inputs);
  float up = dot(weights + (size_t)(half + index) * inputs, x, inputs);
  if (threadIdx.x & 31) return;
  output[index] = from_float(rounded(silu(rounded(gate))) * rounded(up));
}

// output (rows, half) = silu(both[.., ..half]) * both[.., half..] of both (rows, 2 half).
extern "C" __global__ void gated_halves(const number *both, number *output, int half) {
  const number *gate = both + (size_t)blockIdx.y * 2 * half;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < half; i += gridDim.x * blockDim.x)
    output[(size_t)blockIdx.y * half + i] = from_float(rounded(silu(to_float(gate[i]))) * to_float(gate[half + i]));
}

// sum = hidden + update, normed = sum / sqrt(mean(sum^2) + eps) * weight; both (rows, width) in
// output (2, rows, width). A block each row.
extern "C" __global__ void residual_norm(const number *hidden, const number *update, const number *weight,
                                         number *output, float eps, int width) {
  __shared__ float partial[32];
  size_t row = (size_t)blockIdx.x * width, rows = (size_t)gridDim.x * width;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float sum = rounded(to_float(hidden[row + i]) + to_float(update[row + i]));
    output[row + i] = from_float(sum);
    squares += sum * sum;
  }
  squares = warp_sum(squares);
  if (!(threadIdx.x & 31)) partial[threadIdx.x >> 5] = squares;
  __syncthreads();
  squares = warp_sum((threadIdx.x & 31) < (blockDim.x >> 5) ? partial[threadIdx.x & 31] : 0.0f);
  float scale = rsqrtf(squares / width + eps);
  for (int i = threadIdx.x; i < width; i += blockDim.x)
    output[rows + row + i] = from_float(rounded(to_float(output[row + i]) * scale) * to_float(weight[i]));
}

// Takes one token's heads apart, norms and rotates them, and stores keys and values.
// qkv (rows, H + 2K, D); places (rows, 2): slot and position; cos, sin (rows, D/2);
// queries (rows, H, D); keys, values (slots, K, capacity, D). A block of D threads each head. Norms and
// angles may be 0; with norms D is a multiple of 32.
extern "C" __global__ void place_heads(const number *qkv, const number *query_norm, const number *key_norm,
                                       const number *cosines, const number *sines, const unsigned *places,
                                       number *queries, number *keys, number *values, float eps, int H, int K,
                                       int capacity) {
  __shared__ float head[HEAD_DIM];
  __shared__ float partial[(HEAD_DIM + 31) / 32];
  int row = blockIdx.x, index = blockIdx.y, i = threadIdx.x;
  size_t slot = places[2 * row], position = places[2 * row + 1];
  number raw = qkv[((size_t)row * (H + 2 * K) + index) * HEAD_DIM + i];
  if (index >= H + K) {
    values[((slot * K + index - H - K) * capacity + position) * HEAD_DIM + i] = raw;
    return;
  }
  const number *weight = index < H ? query_norm : key_norm;
  float x = to_float(raw);
  if (weight) {
    float squares = warp_sum(x * x);
    if (!(i & 31)) partial[i >> 5] = squares;
    __syncthreads();
    float total = 0.0f;
    for (int warp = 0; warp < HEAD_DIM / 32; warp++) total += partial[warp];
    x = rounded(rounded(x * rsqrtf(total / HEAD_DIM + eps)) * to_float(weight[i]));
  }
  head[i] = x;
  __syncthreads();
  float turned = x;
  if (cosines) {
    const int half = HEAD_DIM / 2;
    float c = to_float(cosines[row * half + i % half]), s = to_float(sines[row * half + i % half]);
    turned = i < half ? head[i] * c - head[i + half] * s : head[i] * c + head[i - half] * s;
  }
  number *target = index < H ? queries + ((size_t)row * H + index) * HEAD_DIM
                             : keys + ((slot * K + index - H) * capacity + position) * HEAD_DIM;
  target[i] = from_float(turned);
}

// Numbers of a head that one lane of a warp holds. Where their count is a power of two they are
// neighbours, which one load takes; elsewhere lanes take turns, and the last ones may have fewer.
#define PER_LANE ((HEAD_DIM + 31) / 32)
#define NEIGHBOURS (HEAD_DIM % 32 == 0 && (PER_LANE & (PER_LANE - 1)) == 0)

#if NEIGHBOURS
struct __align__(PER_LANE * sizeof(number)) Part {
  number items[PER_LANE];
};
__device__ __forceinline__ int place_of(int lane, int e) { return lane * PER_LANE + e; }
__device__ __forceinline__ Part part_of(const number *head, int lane) { return ((const Part *)head)[lane]; }
#else
struct Part {
  number items[PER_LANE];
};
__device__ __forceinline__ int place_of(int lane, int e) { return e * 32 + lane; }
__device__ __forceinline__ Part part_of(const number *head, int lane) {
  Part part;
#pragma unroll
  for (int e = 0; e < PER_LANE; e++) part.items[e] = place_of(lane, e) < HEAD_DIM ? head[place_of(lane, e)] : (number)0;
  return part;
}
#endif

// Attention of each row's query heads over what its slot holds up to its place. bias (H, distances),
// f32, may be 0: its last column is added to the score of the key at that place, the one before it to
// that of the key before. queries (rows, H, D); output (rows, H, D). A block each row and head; its warps share the keys.
extern "C" __global__ void attend(const number *queries, const number *keys, const number *values,
                                  const unsigned *places, const float *bias, number *output, float scale, int H,
                                  int K, int capacity, int distances) {
  extern __shared__ float merged[];  // (warps, D) sums, then (warps) maxima, then (warps) totals
  int row = blockIdx.x, h = blockIdx.y, warps = blockDim.x >> 5, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  size_t slot = places[2 * row];
  int length = places[2 * row + 1] + 1;
  size_t base = (slot * K + h / (H / K)) * capacity * HEAD_DIM;
  const number *k = keys + base, *v = values + base;
  Part mine = part_of(queries + ((size_t)row * H + h) * HEAD_DIM, lane);
  if (bias) bias += (size_t)h * distances + distances - length;
  float q[PER_LANE], sum[PER_LANE], largest = -INFINITE, total = 0.0f;
#pragma unroll
  for (int e = 0; e < PER_LANE; e++) {
    q[e] = to_float(mine.items[e]) * scale;
    sum[e] = 0.0f;
  }
  // Four keys at a time, so that their loads overlap.
  for (int first = warp * 4; first < length; first += warps * 4) {
    float score[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      score[j] = 0.0f;
      if (first + j < length) {
        Part part = part_of(k + (size_t)(first + j) * HEAD_DIM, lane);
#pragma unroll
        for (int e = 0; e < PER_LANE; e++) score[j] += q[e] * to_float(part.items[e]);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      score[j] = first + j < length ? warp_sum(score[j]) : -INFINITE;
      if (bias && first + j < length) score[j] += bias[first + j];
    }
    float most = fmaxf(fmaxf(fmaxf(score[0], score[1]), fmaxf(score[2], score[3])), largest);
    float shrink = __expf(largest - most);
    total *= shrink;
#pragma unroll
    for (int e = 0; e < PER_LANE; e++) sum[e] *= shrink;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (first + j >= length) break;
      float weight = __expf(score[j] - most);
      total += weight;
      Part part = part_of(v + (size_t)(first + j) * HEAD_DIM, lane);
#pragma unroll
      for (int e = 0; e < PER_LANE; e++) sum[e] += weight * to_float(part.items[e]);
    }
    largest = most;
  }
  float *maxima = merged + warps * HEAD_DIM, *totals = maxima + warps;
#pragma unroll
  for (int e = 0; e < PER_LANE; e++)
    if (place_of(lane, e) < HEAD_DIM) merged[warp * HEAD_DIM + place_of(lane, e)] = sum[e];
  if (lane == 0) {
    maxima[warp] = largest;
    totals[warp] = total;
  }
  __syncthreads();
  float most = -INFINITE, weight = 0.0f;
  for (int w = 0; w < warps; w++) most = fmaxf(most, maxima[w]);
  for (int w = 0; w < warps; w++) weight += totals[w] * __expf(maxima[w] - most);
  for (int i = threadIdx.x; i < HEAD_DIM; i += blockDim.x) {
    float value = 0.0f;
    for (int w = 0; w < warps; w++) value += merged[w * HEAD_DIM + i] * __expf(maxima[w] - most);
    output[((size_t)row * H + h) * HEAD_DIM + i] = from_float(value / weight);
  }
}
