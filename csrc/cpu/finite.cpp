#include "finite.h"

#include <atomic>

#include "runtime.h"

namespace inkgrad::cpu {

bool all_finite(const at::Tensor& t) {
  return with_kernel_dtype(t.scalar_type(), [&]<typename T>(T) {
    const T* const x = t.const_data_ptr<T>();
    std::atomic<bool> finite{true};
    parallel_for(0, t.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
      if (!kernels()->of<T>().all_finite(x + begin, end - begin)) finite = false;
    });
    return finite.load();
  });
}

}  // namespace inkgrad::cpu
