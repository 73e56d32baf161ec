// Functions that a kernel and a test on the host share: with INKGRAD_HD before it a function is
// compiled for both by nvcc, and is an ordinary one for any other compiler.
#pragma once

#if defined(__CUDACC__)
#define INKGRAD_HD __host__ __device__ __forceinline__
#else
#define INKGRAD_HD inline
#endif
