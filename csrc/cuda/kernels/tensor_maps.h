// Descriptions of matrices for the copy engine, made on the host.
#pragma once

#include <cuda.h>

#include "device.cuh"
#include "gemm_map.h"

namespace inkgrad::cuda {

inline int attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, which, device);
  return value;
}

inline int blocks_at_once() {
  return attribute(cudaDevAttrMultiProcessorCount) / kBlocksOfCluster * kBlocksOfCluster;
}

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function, without linking to the driver, which machines without a GPU lack.
inline Encode encode_function() {
  static const Encode found = [] {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                               12000, cudaEnableDefault, &result);
    if (error != cudaSuccess || result != cudaDriverEntryPointSuccess) function = nullptr;
    return reinterpret_cast<Encode>(function);
  }();
  return found;
}

struct Stored {
  const void* data;
  int64_t rows, columns, pitch, plane_rows;  // in elements of 16 bits
  int planes;
};

inline CUtensorMap encoded(const void* data, int dimensions, const cuuint64_t* sizes,
                           const cuuint64_t* strides, const cuuint32_t* box) {
  CUtensorMap map{};
  const cuuint32_t steps[] = {1, 1, 1, 1, 1};
  const CUresult result = encode_function()(
      &map, CU_TENSOR_MAP_DATA_TYPE_UINT16, cuuint32_t(dimensions), const_cast<void*>(data), sizes,
      strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  check_driver(static_cast<int>(result), "cuTensorMapEncodeTiled");
  return map;
}

// An operand copied in boxes of one row of shared memory by `tall` rows.
inline CUtensorMap tile_map(const Stored& stored, int tall) {
  const cuuint64_t row = cuuint64_t(stored.pitch) * 2;
  const cuuint64_t sizes[] = {cuuint64_t(stored.columns), cuuint64_t(stored.rows),
                              cuuint64_t(stored.planes)};
  const cuuint64_t strides[] = {row, row * cuuint64_t(stored.plane_rows)};
  const cuuint32_t box[] = {kRowBytes / 2, cuuint32_t(tall), 1};
  return encoded(stored.data, 3, sizes, strides, box);
}

// An operand whose rows are interleaved (gemm_map.h), copied `rows` at a time. The dimensions of a
// row are position in a pair, thread, pair and group; planes are further groups.
inline CUtensorMap interleaved_map(const Stored& stored, int wide, int rows) {
  const int group = interleaved_group(wide);
  const cuuint64_t row = cuuint64_t(stored.pitch) * 2;
  const cuuint64_t sizes[] = {
      cuuint64_t(stored.columns), 2, 4, cuuint64_t(wide / 2),
      cuuint64_t(stored.planes) * cuuint64_t(stored.plane_rows) / cuuint64_t(group)};
  const cuuint64_t strides[] = {row, row * cuuint64_t(wide), row * 2, row * cuuint64_t(group)};
  const cuuint32_t box[] = {kRowBytes / 2, 2, 4, cuuint32_t(wide / 2), cuuint32_t(rows / group)};
  return encoded(stored.data, 5, sizes, strides, box);
}

}  // namespace inkgrad::cuda
