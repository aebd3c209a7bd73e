// How long each kernel and copy of a program kept the GPU busy. NVIDIA's driver loads the library into any CUDA
// program, CUPTI records what runs, and the sums are written to stderr at the end.
//
//   cc -shared -fPIC -O2 -I$CUDA/include profile.c -o libprofile.so -L$CUDA/lib64 -lcupti
//   CUDA_INJECTION64_PATH=$PWD/libprofile.so target/release/examples/speed CHECKPOINT PICTURE 65 --batch 1
//
// Kernels overlap: one may wait inside for the one in front of it. So each counts from its start or the end of the
// one before, whichever is later, to its own end, and the sums are parts of the whole.
#include <cupti.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 512
#define SHOWN 40
// Longer pauses are not between the kernels of a step, but the program's.
#define LONGEST_GAP 20000

struct row {
  const char *name;
  unsigned long long nanoseconds;
  unsigned long count;
};

static struct row rows[NAMES];
static unsigned long long first, last, busy, gaps;
static unsigned long gap_count;

static void add(const char *name, unsigned long long start, unsigned long long end) {
  if (!first) first = last = start;
  if (end <= last) return;
  if (start > last && start - last < LONGEST_GAP) {
    gaps += start - last;
    gap_count++;
  }
  unsigned long long own = end - (start > last ? start : last);
  last = end;
  busy += own;
  for (int i = 0; i < NAMES; i++) {
    if (!rows[i].name) rows[i].name = strdup(name);
    if (strcmp(rows[i].name, name)) continue;
    rows[i].nanoseconds += own;
    rows[i].count++;
    return;
  }
}

static void CUPTIAPI request(uint8_t **buffer, size_t *size, size_t *most) {
  *size = 8 << 20;
  *buffer = aligned_alloc(8, *size);
  *most = 0;
}

static const char *direction(uint8_t kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD: return "copy to the GPU";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH: return "copy from the GPU";
    default: return "copy on the GPU";
  }
}

static void CUPTIAPI completed(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size, size_t valid) {
  CUpti_Activity *record = NULL;
  while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      CUpti_ActivityKernel10 *kernel = (CUpti_ActivityKernel10 *)record;
      add(kernel->name, kernel->start, kernel->end);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      CUpti_ActivityMemcpy6 *copy = (CUpti_ActivityMemcpy6 *)record;
      add(direction(copy->copyKind), copy->start, copy->end);
    }
  }
  free(buffer);
}

static int longer_first(const void *a, const void *b) {
  unsigned long long left = ((const struct row *)a)->nanoseconds, right = ((const struct row *)b)->nanoseconds;
  return (left < right) - (left > right);
}

static void report(void) {
  cuptiActivityFlushAll(1);
  qsort(rows, NAMES, sizeof rows[0], longer_first);
  fprintf(stderr, "%.3f ms from first to last, %.3f ms busy, %.3f ms in %lu short gaps\n", (last - first) / 1e6,
          busy / 1e6, gaps / 1e6, gap_count);
  for (int i = 0; i < SHOWN && rows[i].name; i++)
    fprintf(stderr, "%9.3f ms %6lu x %8.2f us  %.100s\n", rows[i].nanoseconds / 1e6, rows[i].count,
            rows[i].nanoseconds / 1e3 / rows[i].count, rows[i].name);
}

int InitializeInjection(void) {
  cuptiActivityRegisterCallbacks(request, completed);
  cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
  cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMCPY);
  atexit(report);
  return 1;
}
