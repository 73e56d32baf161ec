// INKGRAD_HD marks functions for kernels and for tests on the host: nvcc compiles them for both.
#pragma once

#if defined(__CUDACC__)
#define INKGRAD_HD __host__ __device__ __forceinline__
#else
#define INKGRAD_HD inline
#endif
