// CUDA on the host, as much of it as the kernels of csrc/cuda use: their sources, with the launches
// rewritten (see ../emulation.py), run here thread by thread. What it cannot show is what the
// memory model and the compiler for the device do; what it shows is every index, sum and branch.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __host__
#define __device__
#define __global__
#define __grid_constant__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __shared__ static  // one block runs at a time

struct dim3 {
  unsigned x, y, z;
  dim3(int64_t x = 1, int64_t y = 1, int64_t z = 1)
      : x(unsigned(x)), y(unsigned(y)), z(unsigned(z)) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
using cudaStream_t = void*;

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
template <typename K>
void cudaFuncSetAttribute(K, cudaFuncAttribute, int) {}

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
bool __syncthreads_or(bool vote);
// All threads of the block have to come to it, as to a barrier.
float __shfl_xor_sync(unsigned, float value, int mask);

template <typename T>
T __ldg(const T* p) {
  if (reinterpret_cast<uintptr_t>(p) % alignof(T) != 0) std::abort();  // as on the device
  return *p;
}

using std::isfinite;
using std::max;
using std::min;

namespace emulator {

// As dynamic shared memory: filled with NaN before every block.
float4* shared_memory();

// Emulated(blocks, threads, shared bytes, stream) = the kernel's call.
class Launch {
 public:
  Launch(dim3 blocks, dim3 threads, size_t shared, cudaStream_t)
      : blocks_(blocks), threads_(threads), shared_(shared) {}
  void operator=(const std::function<void()>& kernel);

 private:
  dim3 blocks_, threads_;
  size_t shared_;
};

}  // namespace emulator
