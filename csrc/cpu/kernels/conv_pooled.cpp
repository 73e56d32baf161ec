// Gradients of a convolution behind a max pool, straight from the pooled gradient: each of its
// elements touches one place of the convolution's output, so there is a window's share (a quarter)
// of the dense arithmetic to do, and none where the relu let nothing through.
//
//   dw[o, :] = sum over images and live elements of g * the patch of x at the maximum
//
// An image is copied channels last, [row][column][channel], so that a kernel row of a patch is one
// run of memory, and dw[o] is a register tile of KH x (run / L) vectors into which a live element
// costs one load and multiply-add a vector.
//
// Elements that are zero are skipped: the caller sees to it that what they would be multiplied with
// is finite.
#include <cmath>

#include "conv.h"
#include "entries.h"
#include "transpose.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kAccumulators = kManyRegisters ? 28 : 14;
inline constexpr int kMostRows = 7, kMostVectors = 7, kMostSlidingRows = 5;
// Output channels whose weights a sum gets one after the other: of longer chains the rounding adds
// up.
inline constexpr int64_t kChainChannels = 32;
// Copies of several images share the first-level cache, so that sums leave the registers seldom.
inline constexpr int64_t kImageBytes = 20 * 1024;

// How an image lies in memory channels last.
template <typename T>
struct Patches {
  int64_t channels;  // from column to column
  int64_t pitch;     // from row to row
  int64_t image;     // from image to image
  int64_t run;       // a patch's row

  explicit Patches(const ConvGeometry& g)
      : channels(spaced_channels(g.in_channels)),
        pitch((g.in_width + 2 * g.pad_width) * channels),
        image((g.in_height + 2 * g.pad_height) * pitch),
        run((g.kernel_width - 1) * g.dilation_width * channels + g.in_channels) {}

  // Few channels are packed. More begin where a vector does: loads across two cache lines cost
  // twice.
  static bool is_packed(int64_t channels) { return channels <= 4; }
  // Where a long vector takes two cycles, a half-filled one is better a short one.
  static bool is_half(int64_t channels) {
    constexpr int L = kLanes<T>;
    return kVectorBytes == 64 && (channels - 1) % L < L / 2;
  }
  static int64_t spaced_channels(int64_t channels) {
    if (is_packed(channels)) return channels;
    const int64_t lanes = is_half(channels) ? kLanes<T> / 2 : kLanes<T>;
    return divide_up(channels, lanes) * lanes;
  }
  // The run with what fills its last vector.
  int64_t padded_run() const { return divide_up(run, kLanes<T>) * kLanes<T>; }
  // Whole vectors are read.
  int64_t copies_size(int64_t images) const {
    return divide_up(images * image, kLanes<T>) * kLanes<T> + padded_run();
  }
  int64_t images_per_block() const { return larger(kImageBytes / (image * int64_t(sizeof(T))), 1); }
};

// Calls f with the number of lanes for an image's patches.
template <typename T, typename F>
inline void with_patch_lanes(const ConvGeometry& g, const Patches<T>& patches, F f) {
  if (patches.is_packed(g.in_channels)) {
    with_lanes<T>(patches.run, f);
  } else if (patches.is_half(g.in_channels)) {
    f(std::integral_constant<int, kLanes<T> / 2>{});
  } else {
    f(std::integral_constant<int, kLanes<T>>{});
  }
}

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

// `pixels` neighbouring pixels, from channels `plane` apart to pixels `spacing` apart.
template <typename T, int L>
inline void interleave(const T* from, int64_t plane, int64_t channels, int64_t pixels, T* to,
                       int64_t spacing) {
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
    interleave<T, L>(image, plane, g.in_channels, plane, to, patches.channels);
    return;
  }
  std::memset(to, 0, patches.image * sizeof(T));
  for (int64_t h = 0; h < g.in_height; ++h) {
    interleave<T, L>(image + h * g.in_width, plane, g.in_channels, g.in_width,
                     to + (h + g.pad_height) * patches.pitch + g.pad_width * patches.channels,
                     patches.channels);
  }
}

// Where patches begin: at a window's first place, and from there at each of its places.
struct PatchTable {
  const int32_t* window;  // [PH * PW]
  int32_t place[256];

  template <typename T>
  PatchTable(const PoolGeometry& p, const Patches<T>& patches, int32_t* memory) : window(memory) {
    for (int64_t i = 0; i < p.out_height; ++i) {
      for (int64_t j = 0; j < p.out_width; ++j) {
        *memory++ =
            int32_t(i * p.window_height * patches.pitch + j * p.window_width * patches.channels);
      }
    }
    const int64_t places = p.window_height * p.window_width;
    for (int64_t k = 0; k < 256; ++k) {
      place[k] =
          k < places
              ? int32_t(k / p.window_width * patches.pitch + k % p.window_width * patches.channels)
              : 0;
    }
  }
};

// The elements of pooled planes that are not zero, and where their patches begin.
template <typename T>
struct Live {
  int32_t* at;
  T* value;
  int64_t count;
};

// Appends one plane's n elements; its image is `image` elements behind the first one's. Without a
// branch, for which of them live cannot be foreseen.
template <typename T>
void append_live(const PatchTable& table, const T* grad, const uint8_t* places, int64_t n,
                 int32_t image, Live<T>& live) {
  int32_t* const at = live.at;
  T* const value = live.value;
  int64_t count = live.count, k = 0;
#if defined(__AVX512VL__)
  if constexpr (sizeof(T) == 4) {
    const __m512i place_table = _mm512_loadu_si512(table.place);
    for (; k + 16 <= n; k += 16) {
      const __m512i place = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)(places + k)));
      if (_mm512_cmpgt_epu32_mask(place, _mm512_set1_epi32(15))) break;
      const __m512 v = _mm512_loadu_ps(grad + k);
      const __mmask16 is_live = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
      const __m512i from = _mm512_add_epi32(
          _mm512_add_epi32(_mm512_loadu_si512(table.window + k), _mm512_set1_epi32(image)),
          _mm512_permutexvar_epi32(place, place_table));
      _mm512_storeu_si512(at + count, _mm512_maskz_compress_epi32(is_live, from));
      _mm512_storeu_ps(value + count, _mm512_maskz_compress_ps(is_live, v));
      count += __builtin_popcount(is_live);
    }
  }
#endif
  for (; k < n; ++k) {
    const T v = grad[k];
    at[count] = table.window[k] + image + table.place[places[k]];
    value[count] = v;
    count += v != T(0);
  }
  live.count = count;
}

// sums[r * sums_row + v * L ..] += the patches' part, of R rows and V vectors from x on.
template <typename T, int L, int R, int V>
void add_patches(const T* x, int64_t row, const Live<T>& live, T* sums, int64_t sums_row) {
  // Where half of the registers are enough, two sums of every other element each: an addition
  // need not wait for the one before it.
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
    const T* from = x + live.at[k];
    const T value = live.value[k];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const T* const from_row = V == 1 ? from + r * row : opaque(from + r * row);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) to[r][v] += value * load<L>(from_row + v * L);
    }
  };
  int64_t k = 0;
  for (; k + U <= live.count; k += U) {
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) add(k + u, acc[u]);
  }
  if (k < live.count) add(k, acc[0]);
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

// Calls f(first row, rows, first vector, vectors), the numbers constants, for the register tiles
// that make up a patch.
template <typename F>
inline void for_each_tile(int64_t rows, int64_t vectors, F f) {
  const Parts columns(vectors, kMostVectors);
  for (int64_t b = 0; b < columns.count; ++b) {
    const int64_t v = columns.begin(b);
    with_constant<kMostVectors>(columns.begin(b + 1) - v, [&](auto width) {
      constexpr int fit = kAccumulators / decltype(width)::value;
      constexpr int most = fit < kMostRows ? fit : kMostRows;
      const Parts blocks(rows, most);
      for (int64_t a = 0; a < blocks.count; ++a) {
        const int64_t r = blocks.begin(a);
        with_constant<most>(blocks.begin(a + 1) - r, [&](auto height) { f(r, height, v, width); });
      }
    });
  }
}

// Elements of T for the list of one block's live elements and for the table of windows; whole
// vectors are written.
template <typename T>
inline int64_t list_size(int64_t elements, int64_t windows) {
  const int64_t bytes = (elements + 16) * int64_t(sizeof(int32_t) + sizeof(T)) +
                        (windows + 16) * int64_t(sizeof(int32_t));
  return divide_up(bytes, 64) * 64 / int64_t(sizeof(T));
}

// dw while it is summed: [OC][KH][padded run].
template <typename T>
int64_t pooled_weight_sums(const ConvGeometry& g) {
  return g.out_channels * g.kernel_height * Patches<T>(g).padded_run();
}

template <typename T>
int64_t pooled_weight_workspace(const ConvGeometry& g, const PoolGeometry& p) {
  const Patches<T> patches(g);
  const int64_t images = patches.images_per_block(), pooled = p.out_height * p.out_width;
  return patches.copies_size(images) + list_size<T>(images * pooled, pooled);
}

template <typename T>
void pooled_backward_weight(const ConvGeometry& g, const PoolGeometry& p, int64_t images,
                            const T* grad_pooled, const uint8_t* places, const T* input, T* sums,
                            T* workspace) {
  const Patches<T> patches(g);
  const int64_t most = patches.images_per_block(), pooled = p.out_height * p.out_width,
                in_image = g.in_channels * g.in_height * g.in_width,
                out_image = g.out_channels * pooled;
  const int64_t sums_row = patches.padded_run(), sums_channel = g.kernel_height * sums_row;
  T* const copies = workspace;
  Live<T> live{};
  live.value = copies + patches.copies_size(most);
  live.at = reinterpret_cast<int32_t*>(live.value + most * pooled + 16);
  const PatchTable table(p, patches, live.at + most * pooled + 16);

  with_patch_lanes(g, patches, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    for (int64_t n0 = 0; n0 < images; n0 += most) {
      const int64_t count = smaller(images - n0, most);
      for (int64_t n = 0; n < count; ++n) {
        copy_channels_last<T, L>(g, patches, input + (n0 + n) * in_image,
                                 copies + n * patches.image);
      }
      for (int64_t o = 0; o < g.out_channels; ++o) {
        live.count = 0;
        for (int64_t n = 0; n < count; ++n) {
          const int64_t plane = (n0 + n) * out_image + o * pooled;
          append_live(table, grad_pooled + plane, places + plane, pooled,
                      int32_t(n * patches.image), live);
        }
        const int64_t row = g.dilation_height * patches.pitch;
        for_each_tile(g.kernel_height, divide_up(patches.run, L),
                      [&](int64_t r, auto rows, int64_t v, auto vectors) {
                        add_patches<T, L, decltype(rows)::value, decltype(vectors)::value>(
                            copies + r * row + v * L, row, live,
                            sums + o * sums_channel + r * sums_row + v * L, sums_row);
                      });
      }
    }
  });
}

template <typename T>
void pooled_unpack_weight(const ConvGeometry& g, const T* sums, T* grad_weight) {
  const Patches<T> patches(g);
  const int64_t row = patches.padded_run(), column = g.dilation_width * patches.channels;
  for (int64_t o = 0; o < g.out_channels; ++o, sums += g.kernel_height * row) {
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t r = 0; r < g.kernel_height; ++r) {
        for (int64_t c = 0; c < g.kernel_width; ++c)
          *grad_weight++ = sums[r * row + c * column + i];
      }
    }
  }
}

// ---- gradient with respect to the input

// [OC][KH][padded run], as the sums of dw, with zeros between.
template <typename T>
void pooled_pack_weight(const ConvGeometry& g, const T* weight, T* packed) {
  const Patches<T> patches(g);
  const int64_t row = patches.padded_run(), column = g.dilation_width * patches.channels;
  std::memset(packed, 0, pooled_weight_sums<T>(g) * sizeof(T));
  for (int64_t o = 0; o < g.out_channels; ++o, packed += g.kernel_height * row) {
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t r = 0; r < g.kernel_height; ++r) {
        for (int64_t c = 0; c < g.kernel_width; ++c) packed[r * row + c * column + i] = *weight++;
      }
    }
  }
}

// The live elements of one row of windows, by the pixel that they belong to: `most` places each for
// a value and the place of its channel's weights.
template <typename T>
struct LiveOfPixels {
  int32_t* end;  // behind a pixel's last one
  int32_t* at;
  T* value;
  int64_t most;

  void clear(int64_t pixels) const {
    for (int64_t k = 0; k < pixels; ++k) end[k] = int32_t(k * most);
  }
  int64_t count(int64_t pixel) const { return end[pixel] - pixel * most; }
};

// Adds those of one output channel, whose weights begin at `at`.
template <typename T>
void sort_by_pixel(const PoolGeometry& p, const int32_t* pixel_of_place, const T* grad,
                   const uint8_t* places, int32_t at, const LiveOfPixels<T>& live) {
  const int64_t columns = p.out_width, step = p.window_width;
  for (int64_t j = 0; j < columns; ++j) {
    int32_t& end = live.end[j * step + pixel_of_place[places[j]]];
    const int64_t slot = end;
    live.at[slot] = at;
    live.value[slot] = grad[j];
    end = int32_t(slot + (std::abs(grad[j]) > T(0)));  // != 0 would have to think of NaN
  }
}

// dx[r * row + v * L ..] += the sum of n live elements times their channels' weights, R rows and V
// vectors of them from w on.
template <typename T, int L, int R, int V>
void add_weights(const T* w, int64_t w_row, const int32_t* at, const T* value, int64_t n, T* dx,
                 int64_t row) {
  Vec<T, L> acc[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[r][v] = Vec<T, L>{};
  }
  for (int64_t k = 0; k < n; ++k) {
    const T* from = w + at[k];
    const T g = value[k];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const T* const from_row = V == 1 ? from + r * w_row : opaque(from + r * w_row);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[r][v] += g * load<L>(from_row + v * L);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      T* const to = dx + r * row + v * L;
      store<L>(to, load<L>(to) + acc[r][v]);
    }
  }
}

// The same for all pixels of one row of dy and whole rows of patches, V = KW x S vectors: what
// neighbours share stays in registers, which move on by a pixel, S vectors, so that a patch costs a
// column of memory instead of all of it.
template <typename T, int L, int R, int V, int S>
void slide_weights(const T* w, const LiveOfPixels<T>& live, int64_t first, int64_t pixels, T* dx,
                   int64_t row) {
  // What padded_run() is, as a constant: one address for all of a patch.
  constexpr int64_t w_row = divide_up(V * L, kLanes<T>) * kLanes<T>;
  Vec<T, L> acc[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) acc[r][v] = Vec<T, L>{};
  }
  const auto add_to_memory = [&](int r, int v) __attribute__((always_inline)) {
    T* const to = dx + r * row + v * L;
    store<L>(to, load<L>(to) + acc[r][v]);
  };
  for (int64_t pixel = first; pixel < first + pixels; ++pixel, dx += S * L) {
    const int32_t* at = live.at + pixel * live.most;
    const T* value = live.value + pixel * live.most;
    const int64_t n = live.count(pixel);
    for (int64_t k = 0; k < n; ++k) {
      const T* from = w + at[k];
      const T g = value[k];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) acc[r][v] += g * load<L>(from + r * w_row + v * L);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < S; ++v) add_to_memory(r, v);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v)
        acc[r][v] = v + S < V ? acc[r][v + S < V ? v + S : v] : Vec<T, L>{};
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V - S; ++v) add_to_memory(r, v);
  }
}

// Calls f(kernel width, vectors of a pixel), constants, where slide_weights is made for them:
// kernels of the usual widths whose rows fit into registers.
template <typename F>
bool with_sliding_patch(const ConvGeometry& g, int64_t step, F f) {
  using std::integral_constant;
  if (g.dilation_width != 1) return false;
  if (g.kernel_width == 3 && step <= 3) {
    with_constant<3>(step, [&](auto s) { f(integral_constant<int, 3>{}, s); });
  } else if (g.kernel_width == 5 && step <= 2) {
    with_constant<2>(step, [&](auto s) { f(integral_constant<int, 5>{}, s); });
  } else {
    return false;
  }
  return true;
}

// The image itself from one that is channels last and padded.
template <typename T, int L>
void copy_channels_first(const ConvGeometry& g, const Patches<T>& patches, const T* from,
                         T* image) {
  const int64_t plane = g.in_height * g.in_width;
  const bool is_padded = g.pad_height != 0 || g.pad_width != 0;
  const int64_t rows = is_padded ? g.in_height : 1, width = is_padded ? g.in_width : plane;
  for (int64_t h = 0; h < rows; ++h) {
    const T* row = from + (h + g.pad_height) * patches.pitch + g.pad_width * patches.channels;
    for (int64_t p = 0; p < width; p += L) {
      const int64_t n = smaller(width - p, L);
      for (int64_t i = 0; i < g.in_channels; i += L) {
        Vec<T, L> square[L];
        const T* corner = row + p * patches.channels + i;
#pragma GCC unroll 16
        for (int j = 0; j < L; ++j)
          square[j] = j < n ? load<L>(corner + j * patches.channels) : Vec<T, L>{};
        transpose_square<T, L>(square);
        T* to = image + i * plane + h * width + p;
#pragma GCC unroll 16
        for (int j = 0; j < L; ++j) {
          if (i + j >= g.in_channels) break;
          if (n == L) {
            store<L>(to + j * plane, square[j]);
          } else {
            store_first<L>(to + j * plane, square[j], n);
          }
        }
      }
    }
  }
}

template <typename T>
int64_t pooled_input_workspace(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t pixels = p.window_height * g.out_width;
  return Patches<T>(g).copies_size(1) + list_size<T>(pixels * g.out_channels, pixels);
}

template <typename T>
void pooled_backward_input(const ConvGeometry& g, const PoolGeometry& p, const T* grad_pooled,
                           const uint8_t* places, const T* packed, T* grad_input, T* workspace) {
  const Patches<T> patches(g);
  const int64_t w_row = patches.padded_run(), w_channel = g.kernel_height * w_row,
                row = g.dilation_height * patches.pitch;
  const int64_t pooled = p.out_height * p.out_width, pixels = p.window_height * g.out_width;
  const Parts chains(g.out_channels, kChainChannels);
  T* const dx = workspace;
  LiveOfPixels<T> live{};
  live.most = g.out_channels;
  live.value = dx + patches.copies_size(1);
  live.at = reinterpret_cast<int32_t*>(live.value + pixels * live.most);
  live.end = live.at + pixels * live.most;
  int32_t pixel_of_place[256] = {};
  for (int64_t k = 0; k < p.window_height * p.window_width; ++k)
    pixel_of_place[k] = int32_t(k / p.window_width * g.out_width + k % p.window_width);
  std::memset(dx, 0, patches.copies_size(1) * sizeof(T));

  with_patch_lanes(g, patches, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    for (int64_t k = 0; k < p.out_height * chains.count; ++k) {
      const int64_t i = k / chains.count, chain = k % chains.count;
      live.clear(pixels);
      for (int64_t o = chains.begin(chain); o < chains.begin(chain + 1); ++o) {
        const int64_t from = o * pooled + i * p.out_width;
        sort_by_pixel(p, pixel_of_place, grad_pooled + from, places + from, int32_t(o * w_channel),
                      live);
      }
      const int64_t row0 = i * p.window_height;
      const auto slide = [&](auto columns, auto step) {
        constexpr int S = decltype(step)::value, V = decltype(columns)::value * S;
        constexpr int most = smaller(kAccumulators / V, kMostSlidingRows);
        const Parts blocks(g.kernel_height, most);
        for (int64_t b = 0; b < blocks.count; ++b) {
          const int64_t r = blocks.begin(b);
          with_constant<most>(blocks.begin(b + 1) - r, [&](auto rows) {
            for (int64_t h = 0; h < p.window_height; ++h) {
              slide_weights<T, L, decltype(rows)::value, V, S>(
                  packed + r * w_row, live, h * g.out_width, g.out_width,
                  dx + (row0 + h) * patches.pitch + r * row, row);
            }
          });
        }
      };
      if (with_sliding_patch(g, patches.channels / L, slide)) continue;
      for_each_tile(g.kernel_height, divide_up(patches.run, L),
                    [&](int64_t r, auto rows, int64_t v, auto vectors) {
                      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
                        if (live.count(pixel) == 0) continue;
                        const int64_t h = row0 + pixel / g.out_width, w = pixel % g.out_width;
                        add_weights<T, L, decltype(rows)::value, decltype(vectors)::value>(
                            packed + r * w_row + v * L, w_row, live.at + pixel * live.most,
                            live.value + pixel * live.most, live.count(pixel),
                            dx + h * patches.pitch + w * patches.channels + r * row + v * L, row);
                      }
                    });
    }
    copy_channels_first<T, L>(g, patches, dx, grad_input);
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.pooled_weight_workspace = pooled_weight_workspace<T>;
  table.pooled_weight_sums = pooled_weight_sums<T>;
  table.pooled_backward_weight = pooled_backward_weight<T>;
  table.pooled_unpack_weight = pooled_unpack_weight<T>;
  table.pooled_pack_weight = pooled_pack_weight<T>;
  table.pooled_input_workspace = pooled_input_workspace<T>;
  table.pooled_backward_input = pooled_backward_input<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
