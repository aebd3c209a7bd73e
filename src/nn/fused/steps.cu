// The decode step's own kernels: one token for each row of a batch. Compiled behind numbers.cu with HEAD_DIM, and
// GROUP, the query heads of a block, which share keys.

// output (rows, half) = silu(both[.., ..half]) * both[.., half..] of both (rows, 2 half).
extern "C" __global__ void gated_halves(const number *both, number *output, int half) {
  wait_for_earlier();
  const number *gate = both + (size_t)blockIdx.y * 2 * half;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < half; i += gridDim.x * blockDim.x)
    output[(size_t)blockIdx.y * half + i] = from_float(rounded(silu(to_float(gate[i]))) * to_float(gate[half + i]));
}

// Packs of a row that one thread of residual_norm holds at most.
#define NORM_PACKS 4

// sum = hidden + update, normed = sum / sqrt(mean(sum^2) + eps) * weight; both (rows, width) in
// output (2, rows, width). A block each row, with at least a thread for each NORM_PACKS packs of it.
extern "C" __global__ void residual_norm(const number *hidden, const number *update, const number *weight,
                                         number *output, float eps, int width) {
  __shared__ float partial[32];
  int packs = width / PACK;
  size_t row = (size_t)blockIdx.x * packs;
  const uint4 *a = (const uint4 *)hidden + row, *b = (const uint4 *)update + row;
  uint4 *sums = (uint4 *)output + row, *normed = sums + (size_t)gridDim.x * packs;
  Pack held[NORM_PACKS], factors[NORM_PACKS];
#pragma unroll
  for (int p = 0; p < NORM_PACKS; p++) {
    int at = threadIdx.x + p * blockDim.x;
    if (at < packs) factors[p].bits = ((const uint4 *)weight)[at];
  }
  wait_for_earlier();
  float squares = 0.0f;
#pragma unroll
  for (int p = 0; p < NORM_PACKS; p++) {
    int at = threadIdx.x + p * blockDim.x;
    if (at >= packs) continue;
    Pack x, y;
    x.bits = a[at];
    y.bits = b[at];
#pragma unroll
    for (int i = 0; i < PACK; i++) {
      float sum = rounded(to_float(x.items[i]) + to_float(y.items[i]));
      held[p].items[i] = from_float(sum);
      squares += sum * sum;
    }
    sums[at] = held[p].bits;
  }
  squares = warp_sum(squares);
  if (!(threadIdx.x & 31)) partial[threadIdx.x >> 5] = squares;
  __syncthreads();
  squares = warp_sum((threadIdx.x & 31) < (blockDim.x >> 5) ? partial[threadIdx.x & 31] : 0.0f);
  float scale = rsqrtf(squares / width + eps);
#pragma unroll
  for (int p = 0; p < NORM_PACKS; p++) {
    int at = threadIdx.x + p * blockDim.x;
    if (at >= packs) continue;
#pragma unroll
    for (int i = 0; i < PACK; i++)
      held[p].items[i] = from_float(rounded(to_float(held[p].items[i]) * scale) * to_float(factors[p].items[i]));
    normed[at] = held[p].bits;
  }
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
  wait_for_earlier();
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

// Numbers of a head that a lane holds, lanes that share a head, keys that a warp loads at once, loads that are
// under way together, and keys of a block.
#define HELD 8
#define LANES \
  (HEAD_DIM <= 8 ? 1 : HEAD_DIM <= 16 ? 2 : HEAD_DIM <= 32 ? 4 : HEAD_DIM <= 64 ? 8 : HEAD_DIM <= 128 ? 16 : 32)
#define KEYS_AT_ONCE (32 / LANES)
#define LOADS 8
#define ATTENTION_WARPS 4
#define KEYS (ATTENTION_WARPS * LOADS * KEYS_AT_ONCE)
// Parts into which a row's keys are cut at most.
#define MOST_PARTS 32

struct __align__(16) Held {
  number items[HELD];
};

// Attention of each row's query heads over what its slot holds up to its place. queries and output (rows, H, D);
// keys and values (slots, K, capacity, D); places (rows, 2): slot and place of the last key. bias (H, distances),
// f32, may be 0: its last column is added to the score of the last key, the one before it to that of the key before.
//
// A block for each row, GROUP heads that share keys, and part of the keys; how they are cut depends on their number
// alone. parts (rows, H, blocks in z, D + 2), f32, takes each part's sums, largest score and total; the last block of
// a row and its heads, by arrived (rows, H / GROUP), which is 0 before and after, puts them together.
extern "C" __global__ void __launch_bounds__(32 * ATTENTION_WARPS)
    attend(const number *queries, const number *keys, const number *values, const unsigned *places, const float *bias,
           number *output, float *parts, unsigned *arrived, float scale, int H, int K, int capacity, int distances) {
  __shared__ float query[GROUP][LANES * HELD];
  __shared__ float merged[ATTENTION_WARPS][LANES * HELD], maxima[ATTENTION_WARPS], totals[ATTENTION_WARPS];
  __shared__ bool is_last;
  wait_for_earlier();
  int row = blockIdx.x, first_head = blockIdx.y * GROUP, part = blockIdx.z;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, place = lane % LANES * HELD, turn = lane / LANES;
  size_t slot = places[2 * row];
  int length = places[2 * row + 1] + 1;
  int span = KEYS * ((length + KEYS * MOST_PARTS - 1) / (KEYS * MOST_PARTS)), count = (length + span - 1) / span;
  if (part >= count) return;
  int end = min(length, (part + 1) * span);
  size_t base = (slot * K + first_head / (H / K)) * capacity * HEAD_DIM + place;
  const number *k = keys + base, *v = values + base;
  const number *q = queries + ((size_t)row * H + first_head) * HEAD_DIM;
  for (int i = threadIdx.x; i < GROUP * LANES * HELD; i += blockDim.x) {
    int at = i % (LANES * HELD);
    query[i / (LANES * HELD)][at] = at < HEAD_DIM ? to_float(q[i / (LANES * HELD) * HEAD_DIM + at]) * scale : 0.0f;
  }
  __syncthreads();

  float sum[GROUP][HELD], largest[GROUP], total[GROUP];
#pragma unroll
  for (int g = 0; g < GROUP; g++) {
    largest[g] = -INFINITE;
    total[g] = 0.0f;
#pragma unroll
    for (int e = 0; e < HELD; e++) sum[g][e] = 0.0f;
  }
  for (int from = part * span + warp * LOADS * KEYS_AT_ONCE + turn; from - turn < end; from += KEYS) {
    Held key[LOADS], value[LOADS];
#pragma unroll
    for (int j = 0; j < LOADS; j++) {
      int at = from + j * KEYS_AT_ONCE;
      if (at < end && place < HEAD_DIM) {
        key[j] = *(const Held *)(k + (size_t)at * HEAD_DIM);
        value[j] = *(const Held *)(v + (size_t)at * HEAD_DIM);
      } else {
        key[j] = value[j] = Held{};
      }
    }
#pragma unroll
    for (int g = 0; g < GROUP; g++) {
      float score[LOADS], most = largest[g];
#pragma unroll
      for (int j = 0; j < LOADS; j++) {
        score[j] = 0.0f;
#pragma unroll
        for (int e = 0; e < HELD; e++) score[j] += query[g][place + e] * to_float(key[j].items[e]);
#pragma unroll
        for (int offset = LANES / 2; offset > 0; offset >>= 1)
          score[j] += __shfl_xor_sync(0xffffffffu, score[j], offset);
        int at = from + j * KEYS_AT_ONCE;
        if (at >= end) score[j] = -INFINITE;
        else if (bias) score[j] += bias[(size_t)(first_head + g) * distances + distances - length + at];
        most = fmaxf(most, score[j]);
      }
#pragma unroll
      for (int offset = LANES; offset < 32; offset <<= 1)
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
      float shrink = __expf(largest[g] - most);
      largest[g] = most;
      total[g] *= shrink;
#pragma unroll
      for (int e = 0; e < HELD; e++) sum[g][e] *= shrink;
#pragma unroll
      for (int j = 0; j < LOADS; j++) {
        float weight = __expf(score[j] - most);
        total[g] += weight;
#pragma unroll
        for (int e = 0; e < HELD; e++) sum[g][e] += weight * to_float(value[j].items[e]);
      }
    }
  }

  // Of the lanes with other keys, of the other warps, then of the other blocks.
#pragma unroll
  for (int g = 0; g < GROUP; g++) {
#pragma unroll
    for (int offset = LANES; offset < 32; offset <<= 1) {
      total[g] += __shfl_xor_sync(0xffffffffu, total[g], offset);
#pragma unroll
      for (int e = 0; e < HELD; e++) sum[g][e] += __shfl_xor_sync(0xffffffffu, sum[g][e], offset);
    }
    __syncthreads();
    if (turn == 0) {
#pragma unroll
      for (int e = 0; e < HELD; e++) merged[warp][place + e] = sum[g][e];
    }
    if (lane == 0) {
      maxima[warp] = largest[g];
      totals[warp] = total[g];
    }
    __syncthreads();
    float most = -INFINITE, weight = 0.0f;
    for (int w = 0; w < ATTENTION_WARPS; w++) most = fmaxf(most, maxima[w]);
    for (int w = 0; w < ATTENTION_WARPS; w++) weight += totals[w] * __expf(maxima[w] - most);
    size_t head = (size_t)row * H + first_head + g;
    float *mine = parts + (head * gridDim.z + part) * (HEAD_DIM + 2);
    for (int i = threadIdx.x; i < HEAD_DIM; i += blockDim.x) {
      float numbers = 0.0f;
      for (int w = 0; w < ATTENTION_WARPS; w++) numbers += merged[w][i] * __expf(maxima[w] - most);
      if (count == 1) output[head * HEAD_DIM + i] = from_float(numbers / weight);
      else mine[i] = numbers;
    }
    if (threadIdx.x == 0 && count > 1) {
      mine[HEAD_DIM] = most;
      mine[HEAD_DIM + 1] = weight;
    }
  }
  if (count == 1) return;
  __threadfence();
  __syncthreads();
  unsigned *counter = arrived + row * gridDim.y + blockIdx.y;
  if (threadIdx.x == 0) is_last = atomicAdd(counter, 1) == count - 1;
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  for (int g = 0; g < GROUP; g++) {
    size_t head = (size_t)row * H + first_head + g;
    const float *all = parts + head * gridDim.z * (HEAD_DIM + 2);
    float most = -INFINITE, weight = 0.0f;
    for (int p = 0; p < count; p++) most = fmaxf(most, __ldcg(all + p * (HEAD_DIM + 2) + HEAD_DIM));
    for (int p = 0; p < count; p++) {
      const float *end = all + p * (HEAD_DIM + 2) + HEAD_DIM;
      weight += __ldcg(end + 1) * __expf(__ldcg(end) - most);
    }
    for (int i = threadIdx.x; i < HEAD_DIM; i += blockDim.x) {
      float numbers = 0.0f;
      for (int p = 0; p < count; p++)
        numbers += __ldcg(all + p * (HEAD_DIM + 2) + i) * __expf(__ldcg(all + p * (HEAD_DIM + 2) + HEAD_DIM) - most);
      output[head * HEAD_DIM + i] = from_float(numbers / weight);
    }
  }
  if (threadIdx.x == 0) *counter = 0;
}
