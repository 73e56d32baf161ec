// A loop on torch's threads.
//
// at::parallel_for is an OpenMP pragma, which a compiler turns into calls of its own runtime. Torch
// has loaded one runtime (its wheels for Linux GNU's, those for macOS LLVM's), and a second one
// would have threads of its own. GCC's call, GOMP_parallel, is in both.
#pragma once

#include <ATen/Parallel.h>

#if AT_PARALLEL_OPENMP

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

extern "C" {
void GOMP_parallel(void (*body)(void*), void* argument, unsigned threads, unsigned flags);
int omp_get_num_threads();
int omp_get_thread_num();
}

namespace inkgrad::cpu {

// Calls f(first, last) for disjoint ranges that cover begin .. end, in parallel if there are more
// than `grain` elements. An exception of one of the calls is thrown here.
template <typename F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const F& f) {
  if (begin >= end) return;
  at::internal::lazy_init_num_threads();  // OpenMP has another default number for a new thread
  grain = std::max<int64_t>(grain, 1);
  if (end - begin <= grain || at::in_parallel_region() || at::get_num_threads() == 1)
    return f(begin, end);

  struct Loop {
    int64_t begin, end, grain;
    const F& f;
    std::atomic_flag failed;
    std::exception_ptr error;
  } loop{begin, end, grain, f, {}, {}};
  const auto body = [](void* argument) {
    Loop& loop = *static_cast<Loop*>(argument);
    const int64_t count = loop.end - loop.begin;
    const int64_t ranges = std::min<int64_t>(omp_get_num_threads(), at::divup(count, loop.grain));
    const int64_t range = at::divup(count, ranges),
                  first = loop.begin + omp_get_thread_num() * range;
    if (first >= loop.end) return;
    try {
      loop.f(first, std::min(first + range, loop.end));
    } catch (...) {
      if (!loop.failed.test_and_set()) loop.error = std::current_exception();
    }
  };
  GOMP_parallel(body, &loop, /*threads=*/0, /*flags=*/0);  // as many threads as torch has set
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace inkgrad::cpu

#else

namespace inkgrad::cpu {
using at::parallel_for;  // on threads of torch's own
}

#endif
