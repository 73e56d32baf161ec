// Threads of a block as contexts of one thread of the host: each runs up to the next barrier.
#include <ucontext.h>

#include <memory>
#include <vector>

#include "cuda_runtime.h"
#include "entries.h"

namespace {

constexpr size_t kStackBytes = 64 * 1024, kSharedBytes = 99 * 1024;

struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  bool done = false;
};

ucontext_t scheduler;
std::vector<Thread> threads;
Thread* current = nullptr;
const std::function<void()>* kernel = nullptr;
// Votes of this round of barriers, of the one before and of the one after.
bool votes[3];
int round_number = 0;
alignas(16) char shared[kSharedBytes];

void run_thread() {
  (*kernel)();
  current->done = true;
  swapcontext(&current->context, &scheduler);
}

void run_block(unsigned count) {
  std::memset(shared, 0xff, sizeof shared);  // NaN
  for (unsigned i = 0; i < count; ++i) {
    Thread& thread = threads[i];
    thread.done = false;
    getcontext(&thread.context);
    thread.context.uc_stack = {thread.stack.get(), 0, kStackBytes};
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, run_thread, 0);
  }
  for (bool running = true; running; ++round_number) {
    running = false;
    votes[(round_number + 1) % 3] = false;
    // From the last to the first in every other round: no order may be relied on.
    for (unsigned k = 0; k < count; ++k) {
      const unsigned i = round_number % 2 ? count - 1 - k : k;
      if (threads[i].done) continue;
      threadIdx.x = i;
      current = &threads[i];
      swapcontext(&scheduler, &current->context);
      running = running || !current->done;
    }
  }
}

}  // namespace

void __syncthreads() { swapcontext(&current->context, &scheduler); }

bool __syncthreads_or(bool vote) {
  const int slot = round_number % 3;
  votes[slot] = votes[slot] || vote;
  __syncthreads();
  return votes[slot];
}

float __shfl_xor_sync(unsigned, float value, int mask) {
  // Given in one round and taken in the next one, when others may give again.
  static float given[2][1024];
  const unsigned thread = threadIdx.x;
  float (&values)[1024] = given[round_number % 2];
  values[thread] = value;
  __syncthreads();
  return values[thread ^ unsigned(mask)];
}

float4* emulator::shared_memory() { return reinterpret_cast<float4*>(shared); }

void emulator::Launch::operator=(const std::function<void()>& call) {
  if (shared_ > kSharedBytes || threads_.x > 1024 || blocks_.y > 65535) std::abort();
  if (threads.size() < threads_.x) threads.resize(threads_.x);
  kernel = &call;
  blockDim = threads_;
  gridDim = blocks_;
  for (blockIdx.y = 0; blockIdx.y < blocks_.y; ++blockIdx.y) {
    for (blockIdx.x = 0; blockIdx.x < blocks_.x; ++blockIdx.x) run_block(threads_.x);
  }
}

// In the place of launches.cpp, which runs on the device.
namespace inkgrad::cuda {
Kernels& own_table() {
  static Kernels table{};
  return table;
}
void check_launch(const char* function, const char* file, int line);
void check_launch(const char*, const char*, int) {}
}  // namespace inkgrad::cuda

const inkgrad::cuda::Kernels* inkgrad_cuda_kernels() { return &inkgrad::cuda::own_table(); }
