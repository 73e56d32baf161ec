// The range of the magnitudes of a block's numbers.
#pragma once

#include "device.cuh"
#include "planes.h"

namespace inkgrad::cuda {

// Combines the extremes of all threads, for each of them. All threads have to call it, with a
// barrier between two calls.
__device__ __forceinline__ Extremes block_extremes(Extremes own) {
  __shared__ Extremes values[kThreads];
  values[threadIdx.x] = own;
  for (int half = kThreads / 2; half >= 1; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      values[threadIdx.x] = both(values[threadIdx.x], values[threadIdx.x + half]);
    }
  }
  __syncthreads();
  return values[0];
}

}  // namespace inkgrad::cuda
