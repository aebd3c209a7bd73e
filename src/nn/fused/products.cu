// The product of a few rows with a weight, for decode steps. Compiled behind numbers.cu, for half types, with
// WARPS, the warps of a block, TILES, its tiles of rows, and GATED.
//
// Tensor cores take 8 rows at once, and what a row's sum is does not depend on how many others there are: which
// inputs a warp adds, and in which order, follows from the weight's shape alone. A block computes some outputs;
// its warps share the inputs, 64 by 64 in turn, and their sums are added at the end, warp after warp.

// Rows of a tile, outputs of a tile, and inputs that a warp takes at a time.
#define TILE_ROWS 8
#define TILE_OUTPUTS 16
#define CHUNK_PACKS 8
// Chunks whose loads are under way together: as many as there are registers for.
#define DEPTH (WARPS == 16 ? (TILES == 4 ? 1 : 2) : WARPS == 8 ? (TILES == 1 ? 4 : 2) : (TILES == 4 ? 2 : 4))

// A weight is read once a step. Volatile keeps the loads of several chunks in front of their products.
__device__ __forceinline__ uint4 load_once(const uint4 *from) {
  uint4 bits;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(bits.x), "=r"(bits.y), "=r"(bits.z), "=r"(bits.w)
               : "l"(from));
  return bits;
}

// What a lane holds of a tile's weights: 8 inputs in a row of two outputs, HALVES times for each of COUNT chunks.
// That the inputs of a matrix of the tensor cores are not neighbours does no harm: those of x are taken alike.
template <int COUNT, int HALVES>
struct Chunks {
  uint4 upper[COUNT][HALVES], lower[COUNT][HALVES];

  __device__ __forceinline__ void load(const uint4 *from_upper, const uint4 *from_lower, int start) {
#pragma unroll
    for (int d = 0; d < COUNT; d++)
#pragma unroll
      for (int h = 0; h < HALVES; h++) {
        int at = start + d * WARPS * CHUNK_PACKS + h * 4;
        upper[d][h] = load_once(from_upper + at);
        lower[d][h] = load_once(from_lower + at);
      }
  }

  __device__ __forceinline__ void add_products(float (*sum)[4], const uint4 *const *x, int start) const {
    uint4 row[COUNT][HALVES][TILES];
#pragma unroll
    for (int d = 0; d < COUNT; d++)
#pragma unroll
      for (int h = 0; h < HALVES; h++)
#pragma unroll
        for (int t = 0; t < TILES; t++) row[d][h][t] = x[t][start + d * WARPS * CHUNK_PACKS + h * 4];
#pragma unroll
    for (int d = 0; d < COUNT; d++)
#pragma unroll
      for (int h = 0; h < HALVES; h++) {
        uint4 a = upper[d][h], b = lower[d][h];
        unsigned low[4] = {a.x, b.x, a.y, b.y}, high[4] = {a.z, b.z, a.w, b.w};
#pragma unroll
        for (int t = 0; t < TILES; t++) {
          multiply(sum[t], low, row[d][h][t].x, row[d][h][t].y);
          multiply(sum[t], high, row[d][h][t].z, row[d][h][t].w);
        }
      }
  }
};

// output (rows, outputs) = x (rows, inputs) weights^T; weights (outputs, inputs). GATED, weights are
// (2 outputs, inputs) and output = silu(x first^T) * x second^T. A block TILE_OUTPUTS outputs, or half as many
// with their gates, and TILES * TILE_ROWS rows.
extern "C" __global__ void __launch_bounds__(WARPS * 32)
    few_rows(const number *weights, const number *x, number *output, int rows, int inputs, int outputs) {
  const int across = GATED ? TILE_OUTPUTS / 2 : TILE_OUTPUTS;
  __shared__ float partial[WARPS][TILES * TILE_ROWS][TILE_OUTPUTS + 1];
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, place = lane >> 2, pair = lane & 3;
  int first_row = blockIdx.y * TILES * TILE_ROWS, first_output = blockIdx.x * across, packs = inputs / PACK;
  // Beyond the last row and output, the last one is computed again, and not written.
  int upper = min(first_output + place, outputs - 1);
  int lower = GATED ? outputs + upper : min(first_output + place + TILE_OUTPUTS / 2, outputs - 1);
  const uint4 *from_upper = (const uint4 *)(weights + (size_t)upper * inputs) + pair;
  const uint4 *from_lower = (const uint4 *)(weights + (size_t)lower * inputs) + pair;
  const uint4 *from_x[TILES];
  float sum[TILES][4];
#pragma unroll
  for (int t = 0; t < TILES; t++) {
    from_x[t] = (const uint4 *)(x + (size_t)min(first_row + t * TILE_ROWS + place, rows - 1) * inputs) + pair;
    sum[t][0] = sum[t][1] = sum[t][2] = sum[t][3] = 0.0f;
  }

  const int stride = WARPS * CHUNK_PACKS, reach = (DEPTH - 1) * stride + CHUNK_PACKS;
  int start = warp * CHUNK_PACKS;
  Chunks<DEPTH, 2> chunks;
  bool whole = start + reach <= packs;
  if (whole) chunks.load(from_upper, from_lower, start);
  wait_for_earlier();
  while (whole) {
    chunks.add_products(sum, from_x, start);
    start += DEPTH * stride;
    whole = start + reach <= packs;
    if (whole) chunks.load(from_upper, from_lower, start);
  }
  for (; start + CHUNK_PACKS <= packs; start += stride) {
    Chunks<1, 2> one;
    one.load(from_upper, from_lower, start);
    one.add_products(sum, from_x, start);
  }
  if (start < packs) {
    Chunks<1, 1> half;
    half.load(from_upper, from_lower, start);
    half.add_products(sum, from_x, start);
  }

#pragma unroll
  for (int t = 0; t < TILES; t++)
#pragma unroll
    for (int e = 0; e < 4; e++)
      partial[warp][t * TILE_ROWS + pair * 2 + (e & 1)][place + (e >> 1) * TILE_OUTPUTS / 2] = sum[t][e];
  __syncthreads();
  for (int i = threadIdx.x; i < TILES * TILE_ROWS * across; i += WARPS * 32) {
    int row = i / across, at = i % across;
    if (first_row + row >= rows || first_output + at >= outputs) continue;
    float value = 0.0f, up = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      value += partial[w][row][at];
      if (GATED) up += partial[w][row][at + across];
    }
    if (GATED) value = rounded(silu(rounded(value))) * rounded(up);
    output[(size_t)(first_row + row) * outputs + first_output + at] = from_float(value);
  }
}
