// Runs the kernel `attend` of src/nn/fused/steps.cu without a GPU, a CPU thread for each of a block's, and compares it
// with attention in doubles: slots longer than any test on a GPU has, heads that share keys, and a bias by distance.
//
//   g++ -std=c++20 -O2 -pthread -DDIM=128 -DGROUP=2 -DLENGTHS=2300,5 -DBIAS=1 emulate_attend.cpp -o emulate && ./emulate
#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

using std::max, std::min;

// What the kernel needs of CUDA.
struct uint4 {
  unsigned x, y, z, w;
};
struct Place {
  unsigned x = 1, y = 1, z = 1;
};
static thread_local Place threadIdx, blockIdx;
static Place blockDim, gridDim;
#define __device__
#define __forceinline__ inline
#define __global__
#define __launch_bounds__(threads)
#define __align__(bytes) alignas(bytes)
#define __shared__ static
#define THREADS 128
static std::unique_ptr<std::barrier<>> block;
static std::vector<std::unique_ptr<std::barrier<>>> warps;
static float exchanged[THREADS];
static void __syncthreads() { block->arrive_and_wait(); }
static void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static float __shfl_xor_sync(unsigned, float value, int offset) {
  std::barrier<> &warp = *warps[threadIdx.x / 32];
  exchanged[threadIdx.x] = value;
  warp.arrive_and_wait();
  float other = exchanged[threadIdx.x ^ offset];
  warp.arrive_and_wait();
  return other;
}
static unsigned atomicAdd(unsigned *at, unsigned number) { return __atomic_fetch_add(at, number, __ATOMIC_SEQ_CST); }
#define __expf expf
static float rsqrtf(float x) { return 1 / sqrtf(x); }
static float __int_as_float(int bits) {
  float number;
  memcpy(&number, &bits, 4);
  return number;
}
template <class T>
static T __ldcg(const T *at) { return *at; }

#define NUMBER_F32
#define HEAD_DIM DIM
#include "../../src/nn/fused/numbers.cu"
#include "../../src/nn/fused/steps.cu"

static std::vector<float> numbers(size_t count, unsigned seed) {
  std::vector<float> all(count);
  for (float &number : all) {
    seed = seed * 1664525u + 1013904223u;
    number = (seed >> 8) / 8388608.0f - 1.0f;
  }
  return all;
}

int main() {
  const int lengths[] = {LENGTHS}, rows = sizeof lengths / sizeof lengths[0], heads = 2 * GROUP, shared = 2;
  const int longest = *std::max_element(lengths, lengths + rows), capacity = longest + 7;
  const float scale = 0.1f;
  std::vector<unsigned> places;
  for (int row = 0; row < rows; row++) places.insert(places.end(), {unsigned(rows - 1 - row), unsigned(lengths[row] - 1)});
  size_t held = size_t(rows) * shared * capacity * DIM;
  auto queries = numbers(size_t(rows) * heads * DIM, 1), keys = numbers(held, 2), values = numbers(held, 3);
  auto bias = numbers(size_t(heads) * capacity, 4);
  std::vector<float> output(queries.size(), NAN);
  unsigned count = max(1, min(MOST_PARTS, (longest + KEYS - 1) / KEYS));
  std::vector<float> parts(size_t(rows) * heads * count * (DIM + 2), NAN);
  std::vector<unsigned> arrived(rows * heads / GROUP, 0);

  blockDim = {THREADS, 1, 1};
  gridDim = {unsigned(rows), unsigned(heads / GROUP), count};
  for (int warp = 0; warp < THREADS / 32; warp++) warps.push_back(std::make_unique<std::barrier<>>(32));
  for (unsigned at = 0; at < gridDim.x * gridDim.y * gridDim.z; at++) {
    Place here = {at % gridDim.x, at / gridDim.x % gridDim.y, at / gridDim.x / gridDim.y};
    block = std::make_unique<std::barrier<>>(THREADS);
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < THREADS; thread++)
      threads.emplace_back([&, thread] {
        threadIdx = {thread, 0, 0};
        blockIdx = here;
        attend(queries.data(), keys.data(), values.data(), places.data(), BIAS ? bias.data() : nullptr, output.data(),
               parts.data(), arrived.data(), scale, heads, shared, capacity, capacity);
      });
    for (std::thread &thread : threads) thread.join();
  }

  double largest = 0;
  for (int row = 0; row < rows; row++)
    for (int head = 0; head < heads; head++) {
      size_t base = (size_t(places[2 * row]) * shared + head / GROUP) * capacity * DIM;
      const float *query = &queries[(size_t(row) * heads + head) * DIM];
      std::vector<double> weights(lengths[row]);
      double total = 0;
      for (int key = 0; key < lengths[row]; key++) {
        double score = BIAS ? bias[size_t(head) * capacity + capacity - lengths[row] + key] : 0;
        for (int i = 0; i < DIM; i++) score += double(scale) * query[i] * keys[base + size_t(key) * DIM + i];
        total += weights[key] = exp(score);
      }
      for (int i = 0; i < DIM; i++) {
        double expected = 0;
        for (int key = 0; key < lengths[row]; key++) expected += weights[key] / total * values[base + size_t(key) * DIM + i];
        // Also where nothing was written.
        double off = fabs(expected - output[(size_t(row) * heads + head) * DIM + i]);
        largest = off <= largest ? largest : off;
      }
    }
  unsigned left = 0;
  for (unsigned counter : arrived) left += counter;
  bool right = largest < 1e-5 && left == 0;
  printf("%s: D %d, %d heads share keys, %u parts at most, largest difference %.1e, counters left at %u\n",
         right ? "ok" : "WRONG", DIM, GROUP, count, largest, left);
  return right ? 0 : 1;
}
