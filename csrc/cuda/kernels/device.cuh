// Shared device code: number types, 16-byte vectors, sums within a block, and the check after every
// launch.
#pragma once

// The range checks of a loss are part of its interface: assert stays in release builds.
#undef NDEBUG
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cassert>
#include <cstdint>
#include <type_traits>

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

// Throws torch's error if the previous launch failed. (In launches.cpp: the other sources do not
// depend on torch, and compile in seconds.)
void check_launch(const char* function, const char* file, int line);
#define INKGRAD_LAUNCH_CHECK() ::inkgrad::cuda::check_launch(__func__, __FILE__, __LINE__)

// Throws if a driver function failed; 0 is success.
void check_driver(int result, const char* function);

inline cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }

// ---- numbers: the half types are computed in float

template <typename T>
struct Compute {
  using type = float;
};
template <>
struct Compute<double> {
  using type = double;
};
template <typename T>
using ComputeType = typename Compute<T>::type;

__device__ __forceinline__ float widen(float v) { return v; }
__device__ __forceinline__ double widen(double v) { return v; }
__device__ __forceinline__ float widen(__half v) { return __half2float(v); }
__device__ __forceinline__ float widen(__nv_bfloat16 v) { return __bfloat162float(v); }

template <typename T, typename C>
__device__ __forceinline__ T narrow(C v) {
  if constexpr (std::is_same_v<T, __half>) {
    return __float2half_rn(static_cast<float>(v));
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    return __float2bfloat16_rn(static_cast<float>(v));
  } else {
    return static_cast<T>(v);
  }
}

// Calls f(T{}) with the type that dtype names.
template <typename F>
void with_dtype(Dtype dtype, F f) {
  switch (dtype) {
    case Dtype::f32:
      return f(float{});
    case Dtype::f64:
      return f(double{});
    case Dtype::f16:
      return f(__half{});
    case Dtype::bf16:
      return f(__nv_bfloat16{});
  }
}

// Calls f(std::true_type) or f(std::false_type).
template <typename F>
void with_flag(bool flag, F f) {
  flag ? f(std::true_type{}) : f(std::false_type{});
}

// ---- elements in vectors

template <typename T>
inline constexpr int kLanes = 16 / sizeof(T);

template <typename T>
struct Vector {
  ComputeType<T> lane[kLanes<T>];
};

inline bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }
template <typename... Rest>
bool aligned(const void* p, Rest... rest) {
  return aligned(p) && aligned(rest...);
}

// Accesses the vector at element `first` of arrays of n elements: in 16 bytes if the arrays are
// aligned and the vector is whole, else element by element. Lanes beyond n are zero.
template <typename T, bool kAligned>
struct Access {
  using C = ComputeType<T>;
  int64_t first, n;
  bool whole;

  __device__ Access(int64_t first, int64_t n, bool whole) : first(first), n(n), whole(whole) {}

  // From memory that the kernel does not write.
  __device__ Vector<T> load(const T* from) const {
    return load(from, [](const auto* p) { return __ldg(p); });
  }
  // From memory that the kernel writes, this vector only in this thread.
  __device__ Vector<T> load_own(const T* from) const {
    return load(from, [](const auto* p) { return *p; });
  }

  __device__ void store(T* to, const Vector<T>& v) const {
    if (kAligned && whole) {
      T raw[kLanes<T>];
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) raw[i] = narrow<T>(v.lane[i]);
      int4 bits;
      memcpy(&bits, raw, sizeof bits);
      *reinterpret_cast<int4*>(to + first) = bits;
    } else {
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) {
        if (has(i)) to[first + i] = narrow<T>(v.lane[i]);
      }
    }
  }

 private:
  template <typename Read>
  __device__ Vector<T> load(const T* from, Read read) const {
    Vector<T> v;
    if (kAligned && whole) {
      const int4 bits = read(reinterpret_cast<const int4*>(from + first));
      T raw[kLanes<T>];
      memcpy(raw, &bits, sizeof bits);
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) v.lane[i] = widen(raw[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) v.lane[i] = has(i) ? widen(read(from + first + i)) : C(0);
    }
    return v;
  }

  __device__ bool has(int i) const { return whole || first + i < n; }
};

// Calls f(access) for every vector of n elements that belongs to this thread (index.h: Chunks).
template <typename T, bool kAligned, typename F>
__device__ __forceinline__ void for_each_vector(int64_t n, F f) {
  constexpr Chunks chunks{kLanes<T>};
  const int64_t begin = chunks.first_of(blockIdx.x, 0, 0);
  if (begin + chunks.elements() <= n) {
#pragma unroll 2
    for (int step = 0; step < kSteps; ++step) {
      f(Access<T, kAligned>(chunks.first_of(blockIdx.x, step, threadIdx.x), n, true));
    }
  } else {
#pragma unroll 1
    for (int step = 0; step < kSteps; ++step) {
      const int64_t first = chunks.first_of(blockIdx.x, step, threadIdx.x);
      if (first < n) f(Access<T, kAligned>(first, n, false));
    }
  }
}

// ---- sums in a fixed order

// Sums over the threads of a block in each of its `across` columns; thread x of row 0 returns the
// sum of column x. All threads have to call it.
__device__ __forceinline__ double sum_columns(double value, int across) {
  __shared__ double values[kThreads];
  values[threadIdx.x] = value;
  for (int half = kThreads / 2; half >= across; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
  }
  return values[threadIdx.x];
}

// result[k] = sum over slices of parts[slice][k] / divisor (sums.cu).
void add_parts(const double* parts, int64_t slices, int64_t columns, double divisor, Dtype dtype,
               void* result, void* stream);
// The first `split` columns go into [result], the next `rest_columns` into [rest].
void add_parts(const double* parts, int64_t slices, int64_t split, int64_t rest_columns,
               double divisor, Dtype dtype, void* result, void* rest, void* stream);

}  // namespace inkgrad::cuda
