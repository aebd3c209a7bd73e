// Kernels over rows of any tensor: what follows a product, the rotation of a tower's heads, and attention by
// tiles. Compiled behind numbers.cu with HEAD_DIM.

__device__ __forceinline__ float activated(float x, int kind) {
  switch (kind) {
    case 1: return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case 2: return x / (1.0f + expf(-1.5957691216057308f * (x + 0.044715f * x * x * x)));
    case 3: return x / (1.0f + expf(-1.702f * x));
    case 4: return fmaxf(x, 0.0f);
    case 5: return x / (1.0f + expf(-x));
    default: return x;
  }
}

// product = activated(product + bias) + residual, in place; product and residual (rows, width), bias
// (width); bias and residual may be 0. A thread takes PACK numbers of a row.
extern "C" __global__ void epilogue(number *product, const number *bias, const number *residual, int kind,
                                    long long packs, int width) {
  long long pack = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (pack >= packs) return;
  Pack numbers, constants, others;
  if (bias) constants.bits = ((const uint4 *)bias)[pack % (width / PACK)];
  wait_for_earlier();
  numbers.bits = ((const uint4 *)product)[pack];
  if (residual) others.bits = ((const uint4 *)residual)[pack];
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    float x = to_float(numbers.items[i]);
    if (bias) x = rounded(x + to_float(constants.items[i]));
    if (kind) x = rounded(activated(x, kind));
    if (residual) x += to_float(others.items[i]);
    numbers.items[i] = from_float(x);
  }
  ((uint4 *)product)[pack] = numbers.bits;
}

// output = left + right, or left * right with `kind` 1; all in packs, right repeated every `right_packs`. With
// `right_packs` 0 right has one number for each row of `width` packs.
extern "C" __global__ void combine(const number *left, const number *right, number *output, int kind, long long packs,
                                   long long right_packs, int width) {
  wait_for_earlier();
  long long pack = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (pack >= packs) return;
  Pack a, b;
  a.bits = ((const uint4 *)left)[pack];
  if (right_packs) b.bits = ((const uint4 *)right)[pack % right_packs];
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    float x = to_float(a.items[i]), y = to_float(right_packs ? b.items[i] : right[pack / width]);
    a.items[i] = from_float(kind ? x * y : x + y);
  }
  ((uint4 *)output)[pack] = a.bits;
}

// output (rows, width) = the rows of table that indices (rows) name; width in packs.
extern "C" __global__ void choose(const number *table, const unsigned *indices, number *output, long long packs,
                                  int width) {
  wait_for_earlier();
  long long pack = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (pack >= packs) return;
  size_t row = indices[pack / width];
  ((uint4 *)output)[pack] = ((const uint4 *)table)[row * width + pack % width];
}

// Rotates queries and keys in qkv (rows, 3, heads, D), in place; cosines and sines (rows, D/2) are f32.
// A block each row.
extern "C" __global__ void rotate_heads(number *qkv, const float *cosines, const float *sines, int heads) {
  const int half = HEAD_DIM / 2;
  size_t row = blockIdx.x;
  number *start = qkv + row * 3 * heads * HEAD_DIM;
  for (int i = threadIdx.x; i < 2 * heads * half; i += blockDim.x) {
    int angle = i % half;
    number *head = start + (i / half) * HEAD_DIM + angle;
    float c = cosines[row * half + angle], s = sines[row * half + angle];
    float x = to_float(head[0]), y = to_float(head[half]);
    head[0] = from_float(x * c - y * s);
    head[half] = from_float(y * c + x * s);
  }
}

// GPUs before Ampere have no such products of tensor cores; nobody asks for the kernel there.
#if !defined(NUMBER_F32) && __CUDA_ARCH__ >= 800

// Queries of a block, 16 for each of its warps, and keys of a tile.
#define QUERIES 64
#define KEYS 64
#define PADDED ((HEAD_DIM + 15) / 16 * 16)
// Numbers from row to row of a tile; 8 more than needed keep shared memory's banks apart.
#define STRIDE (PADDED + 8)

__device__ __forceinline__ unsigned pack_two(float low, float high) {
  unsigned both;
  asm("cvt.rn." KIND "x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

// Four 8x8 blocks of shared memory, each transposed; lane l names row l % 8 of block l / 8.
__device__ __forceinline__ void load_transposed(unsigned *blocks, const number *row) {
  unsigned address = (unsigned)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
               : "r"(address));
}

// Rows first.. of a tile, zeros beyond `length` and HEAD_DIM.
__device__ __forceinline__ void load_tile(number *tile, const number *rows, long long stride, int first, int length) {
  const int packs = PADDED / PACK;
  for (int i = threadIdx.x; i < KEYS * packs; i += blockDim.x) {
    int row = i / packs, column = i % packs * PACK;
    uint4 bits = make_uint4(0, 0, 0, 0);
    if (first + row < length && column < HEAD_DIM) bits = *(const uint4 *)(rows + (first + row) * stride + column);
    *(uint4 *)(tile + row * STRIDE + column) = bits;
  }
}

// Attention with a running softmax (Dao et al. 2022, arXiv 2205.14135). Each sequence is a line of
// table (sequences, 4): its first row of queries, its queries, the offset of its keys and values, its
// keys. With `causal`, the queries are the last of the keys' tokens. Strides are in numbers.
// queries (rows, heads, D) and output (rows, heads, D); `groups` query heads share a head of keys.
// A block each QUERIES queries, head and sequence.
extern "C" __global__ void __launch_bounds__(2 * QUERIES)
    attend_tiles(const number *queries, const number *keys, const number *values, number *output,
                 const long long *table, long long query_stride, long long key_stride, long long key_head_stride,
                 int groups, float scale, int causal) {
  __shared__ __align__(16) number key_tile[KEYS * STRIDE], value_tile[KEYS * STRIDE];
  const long long *sequence = table + 4 * blockIdx.z;
  int count = (int)sequence[1], length = (int)sequence[3], first = blockIdx.x * QUERIES;
  if (first >= count) return;
  int head = blockIdx.y, lane = threadIdx.x & 31, place = lane >> 2, pair = lane & 3;
  int rows[2] = {first + (int)(threadIdx.x >> 5) * 16 + place, first + (int)(threadIdx.x >> 5) * 16 + place + 8};
  const number *q = queries + sequence[0] * query_stride + head * HEAD_DIM;
  long long shared_head = sequence[2] + head / groups * key_head_stride;
  const number *k = keys + shared_head, *v = values + shared_head;

  unsigned query[PADDED / 16][4];
#pragma unroll
  for (int block = 0; block < PADDED / 16; block++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int row = rows[e & 1], column = block * 16 + pair * 2 + (e >> 1) * 8;
      bool inside = row < count && column < HEAD_DIM;
      query[block][e] = inside ? *(const unsigned *)(q + row * query_stride + column) : 0u;
    }

  float sum[PADDED / 8][4], largest[2] = {-INFINITE, -INFINITE}, total[2] = {0.0f, 0.0f};
#pragma unroll
  for (int n = 0; n < PADDED / 8; n++) sum[n][0] = sum[n][1] = sum[n][2] = sum[n][3] = 0.0f;
  // The place of the first query among the keys.
  int before = causal ? length - count : length;
  int end = min(length, before + first + QUERIES);
  float factor = scale * 1.4426950408889634f;

  for (int start = 0; start < end; start += KEYS) {
    __syncthreads();
    load_tile(key_tile, k, key_stride, start, length);
    load_tile(value_tile, v, key_stride, start, length);
    __syncthreads();

    float score[KEYS / 8][4];
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
      score[n][0] = score[n][1] = score[n][2] = score[n][3] = 0.0f;
      const number *key = key_tile + (n * 8 + place) * STRIDE + pair * 2;
#pragma unroll
      for (int block = 0; block < PADDED / 16; block++)
        multiply(score[n], query[block], *(const unsigned *)(key + block * 16),
                 *(const unsigned *)(key + block * 16 + 8));
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int at = start + n * 8 + pair * 2 + (e & 1);
        bool visible = at < length && at <= before + rows[e >> 1];
        score[n][e] = visible ? score[n][e] * factor : -INFINITE;
      }
    }

#pragma unroll
    for (int r = 0; r < 2; r++) {
      float most = largest[r];
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++) most = fmaxf(most, fmaxf(score[n][2 * r], score[n][2 * r + 1]));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      // Where nothing is visible yet there is nothing to shrink.
      float base = most == -INFINITE ? 0.0f : most, shrink = exp2f(largest[r] - base);
      largest[r] = most;
      total[r] *= shrink;
#pragma unroll
      for (int n = 0; n < PADDED / 8; n++) {
        sum[n][2 * r] *= shrink;
        sum[n][2 * r + 1] *= shrink;
      }
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
        for (int e = 2 * r; e < 2 * r + 2; e++) {
          score[n][e] = exp2f(score[n][e] - base);
          total[r] += score[n][e];
        }
    }

#pragma unroll
    for (int block = 0; block < KEYS / 16; block++) {
      unsigned weight[4] = {pack_two(score[2 * block][0], score[2 * block][1]),
                            pack_two(score[2 * block][2], score[2 * block][3]),
                            pack_two(score[2 * block + 1][0], score[2 * block + 1][1]),
                            pack_two(score[2 * block + 1][2], score[2 * block + 1][3])};
      const number *row = value_tile + (block * 16 + (lane & 15)) * STRIDE + (lane >> 4) * 8;
#pragma unroll
      for (int n = 0; n < PADDED / 8; n += 2) {
        unsigned value[4];
        load_transposed(value, row + n * 8);
        multiply(sum[n], weight, value[0], value[1]);
        multiply(sum[n + 1], weight, value[2], value[3]);
      }
    }
  }

  long long width = (long long)gridDim.y * HEAD_DIM;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 1);
    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 2);
    if (rows[r] >= count) continue;
    number *target = output + (sequence[0] + rows[r]) * width + head * HEAD_DIM + pair * 2;
#pragma unroll
    for (int n = 0; n < PADDED / 8; n++)
      if (n * 8 + pair * 2 < HEAD_DIM)
        *(unsigned *)(target + n * 8) = pack_two(sum[n][2 * r] / total[r], sum[n][2 * r + 1] / total[r]);
  }
}

#endif
