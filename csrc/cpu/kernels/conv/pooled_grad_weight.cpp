// The weight gradient of a convolution from the gradient of its pooled output (pooled.h).
//
//   dw[o, :] = sum over images and nonzero elements g of g * the patch of x at the maximum
#include "../entries.h"
#include "pooled.h"

namespace inkgrad::cpu {
namespace {

// to[j * to_stride + i] = from[i * from_stride + j] for i < L (zero from `rows` on), j < columns.
template <typename T, int L>
inline void transpose_corner(const T* from, int64_t from_stride, int64_t rows, int64_t columns,
                             T* to, int64_t to_stride) {
  Vec<T, L> square[L];
  if (columns == L) {
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i)
      square[i] = i < rows ? load<L>(from + i * from_stride) : Vec<T, L>{};
    transpose_square<T, L>(square);
#pragma GCC unroll 16
    for (int j = 0; j < L; ++j) store<L>(to + j * to_stride, square[j]);
  } else {
    for (int i = 0; i < L; ++i)
      square[i] = i < rows ? load_first<L>(from + i * from_stride, columns) : Vec<T, L>{};
    transpose_square<T, L>(square);
    for (int j = 0; j < columns; ++j) store<L>(to + j * to_stride, square[j]);
  }
}

// `pixels` neighboring pixels, from channels `plane` apart to pixels `spacing` apart.
template <typename T, int L>
inline void interleave_channels(const T* from, int64_t plane, int64_t channels, int64_t pixels,
                                T* to, int64_t spacing) {
  if (channels == 1) {
    std::memcpy(to, from, pixels * sizeof(T));
    return;
  }
  if (spacing % L != 0) {
    for (int64_t i = 0; i < channels; ++i) {
      for (int64_t p = 0; p < pixels; ++p) to[p * spacing + i] = from[i * plane + p];
    }
    return;
  }
  for (int64_t i = 0; i < channels; i += L) {
    const int64_t rows = smaller(channels - i, L);
    for (int64_t p = 0; p < pixels; p += L)
      transpose_corner<T, L>(from + i * plane + p, plane, rows, smaller(pixels - p, L),
                             to + p * spacing + i, spacing);
  }
}

// Channels last, with zeros as padding.
template <typename T, int L>
void copy_channels_last(const ConvGeometry& g, const Patches<T>& patches, const T* image, T* to) {
  const int64_t plane = g.in_height * g.in_width;
  if (g.pad_height == 0 && g.pad_width == 0) {
    interleave_channels<T, L>(image, plane, g.in_channels, plane, to, patches.channels);
    return;
  }
  std::memset(to, 0, patches.image * sizeof(T));
  for (int64_t h = 0; h < g.in_height; ++h) {
    interleave_channels<T, L>(
        image + h * g.in_width, plane, g.in_channels, g.in_width,
        to + (h + g.pad_height) * patches.pitch + g.pad_width * patches.channels, patches.channels);
  }
}

// Offsets of patches: of a window's first pixel, and from there of each of its pixels.
struct PatchTable {
  const int32_t* window;  // [PH * PW]
  int32_t pixel[256];

  template <typename T>
  PatchTable(const PoolGeometry& p, const Patches<T>& patches, int32_t* memory) : window(memory) {
    for (int64_t i = 0; i < p.out_height; ++i) {
      for (int64_t j = 0; j < p.out_width; ++j) {
        *memory++ =
            int32_t(i * p.window_height * patches.pitch + j * p.window_width * patches.channels);
      }
    }
    const int64_t pixels = p.window_height * p.window_width;
    for (int64_t k = 0; k < 256; ++k) {
      pixel[k] =
          k < pixels
              ? int32_t(k / p.window_width * patches.pitch + k % p.window_width * patches.channels)
              : 0;
    }
  }
};

// The elements of pooled planes that are not zero, and the offsets of their patches.
template <typename T>
struct Nonzeros {
  int32_t* at;
  T* value;
  int64_t count;
};

// Appends the nonzeros of a plane of n elements, whose image is at offset `image`. Branch-free: the
// nonzero pattern is unpredictable.
template <typename T>
void append_nonzeros(const PatchTable& table, const T* grad, const uint8_t* indices, int64_t n,
                     int32_t image, Nonzeros<T>& nonzeros) {
  int32_t* const at = nonzeros.at;
  T* const value = nonzeros.value;
  int64_t count = nonzeros.count, k = 0;
#if defined(__AVX512VL__)
  if constexpr (sizeof(T) == 4) {
    const __m512i pixel_table = _mm512_loadu_si512(table.pixel);
    for (; k + 16 <= n; k += 16) {
      const __m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)(indices + k)));
      const __m512 v = _mm512_loadu_ps(grad + k);
      const __mmask16 is_nonzero = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
      if (_mm512_mask_cmpgt_epu32_mask(is_nonzero, index, _mm512_set1_epi32(15))) break;
      const __m512i from = _mm512_add_epi32(
          _mm512_add_epi32(_mm512_loadu_si512(table.window + k), _mm512_set1_epi32(image)),
          _mm512_permutexvar_epi32(index, pixel_table));
      _mm512_storeu_si512(at + count, _mm512_maskz_compress_epi32(is_nonzero, from));
      _mm512_storeu_ps(value + count, _mm512_maskz_compress_ps(is_nonzero, v));
      count += __builtin_popcount(is_nonzero);
    }
  }
#endif
  for (; k < n; ++k) {
    const T v = grad[k];
    at[count] = table.window[k] + image + table.pixel[indices[k]];
    value[count] = v;
    count += v != T(0);
  }
  nonzeros.count = count;
}

// sums[r * sums_row + v * L ..] += value * patch over the nonzeros, for R rows and V vectors from x
// on.
template <typename T, int L, int R, int V>
void add_patches(const T* x, int64_t row, const Nonzeros<T>& nonzeros, T* sums, int64_t sums_row) {
  // If half of the registers are enough, two sums for alternate elements: independent additions.
  constexpr int U = 2 * R * V <= kAccumulators ? 2 : 1;
  Vec<T, L> acc[U][R][V];
#pragma GCC unroll 2
  for (int u = 0; u < U; ++u) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[u][r][v] = Vec<T, L>{};
    }
  }
  const auto add = [&](int64_t k, Vec<T, L>(&to)[R][V]) __attribute__((always_inline)) {
    const T* from = x + nonzeros.at[k];
    const T value = nonzeros.value[k];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const T* const from_row = V == 1 ? from + r * row : opaque(from + r * row);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) to[r][v] += value * load<L>(from_row + v * L);
    }
  };
  int64_t k = 0;
  for (; k + U <= nonzeros.count; k += U) {
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) add(k + u, acc[u]);
  }
  if (k < nonzeros.count) add(k, acc[0]);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      T* const to = sums + r * sums_row + v * L;
      Vec<T, L> sum = acc[0][r][v];
      if constexpr (U == 2) sum += acc[1][r][v];
      store<L>(to, load<L>(to) + sum);
    }
  }
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const Patches<T> patches(g);
  const int64_t images = patches.images_per_block(), pooled = p.out_height * p.out_width;
  return {patches.copies_size(images) + list_size<T>(images * pooled, pooled),
          packed_weights_size<T>(g)};
}

template <typename T>
void backward(const ConvGradWeightParams<T>& params) {
  const ConvGeometry& g = params.conv;
  const PoolGeometry& p = params.pool;
  const Patches<T> patches(g);
  const int64_t block = patches.images_per_block(), pooled = p.out_height * p.out_width,
                in_image = g.in_channels * g.in_height * g.in_width,
                out_image = g.out_channels * pooled;
  const int64_t sums_row = patches.padded_run(), sums_channel = g.kernel_height * sums_row;
  T* const copies = params.workspace;
  Nonzeros<T> nonzeros{};
  nonzeros.value = copies + patches.copies_size(block);
  nonzeros.at = reinterpret_cast<int32_t*>(nonzeros.value + block * pooled + 16);
  const PatchTable table(p, patches, nonzeros.at + block * pooled + 16);

  with_patch_lanes(g, patches, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    for (int64_t n0 = 0; n0 < params.images; n0 += block) {
      const int64_t count = smaller(params.images - n0, block);
      for (int64_t n = 0; n < count; ++n) {
        copy_channels_last<T, L>(g, patches, params.input + (n0 + n) * in_image,
                                 copies + n * patches.image);
      }
      for (int64_t o = 0; o < g.out_channels; ++o) {
        nonzeros.count = 0;
        for (int64_t n = 0; n < count; ++n) {
          const int64_t plane = (n0 + n) * out_image + o * pooled;
          append_nonzeros(table, params.grad + plane, params.indices + plane, pooled,
                          int32_t(n * patches.image), nonzeros);
        }
        const int64_t row = g.dilation_height * patches.pitch;
        for_each_tile(g.kernel_height, divide_up(patches.run, L),
                      [&](int64_t r, auto rows, int64_t v, auto vectors) {
                        add_patches<T, L, decltype(rows)::value, decltype(vectors)::value>(
                            copies + r * row + v * L, row, nonzeros,
                            params.sums + o * sums_channel + r * sums_row + v * L, sums_row);
                      });
      }
    }
  });
}

template <typename T>
void unpack(const ConvGeometry& g, const T* sums, T* grad_weight) {
  for_each_weight<T>(g, [&](int64_t index, int64_t packed) { grad_weight[index] = sums[packed]; });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.pooled_grad_weight = {memory<T>, backward<T>, unpack<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
