#include "runtime.h"

#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace inkgrad::cpu {
namespace {

const Kernels* loaded = nullptr;

struct Free {
  void operator()(void* p) const { std::free(p); }
};

}  // namespace

const Kernels* kernels() { return loaded; }

void load_kernels(const std::string& path) {
  // Never closed: calls may be using the table.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  TORCH_CHECK(library != nullptr, "inkgrad: cannot load the kernel library ", path, ": ",
              dlerror());
  using Entry = const Kernels* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "inkgrad_cpu_kernels"));
  TORCH_CHECK(entry != nullptr, "inkgrad: ", path, " is not a kernel library: ", dlerror());
  loaded = entry();
}

void* scratch(int64_t bytes) {
  thread_local std::unique_ptr<void, Free> memory;
  thread_local int64_t size = 0;
  if (bytes > size) {
    memory.reset();
    size = 0;
    const int64_t rounded = (bytes + 4095) / 4096 * 4096;
    memory.reset(std::aligned_alloc(64, rounded));
    if (!memory) throw std::bad_alloc();
    size = rounded;
  }
  return memory.get();
}

at::Tensor with_huge_pages(at::Tensor fresh) {
#if defined(MADV_HUGEPAGE)
  constexpr size_t kPage = 2 << 20;
  const size_t bytes = fresh.nbytes();
  if (bytes >= 2 * kPage) {
    const auto begin = reinterpret_cast<uintptr_t>(fresh.mutable_data_ptr());
    const uintptr_t first = (begin + kPage - 1) / kPage * kPage,
                    last = (begin + bytes) / kPage * kPage;
    // Only advice: failure is harmless.
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
  }
#endif
  return fresh;
}

}  // namespace inkgrad::cpu
