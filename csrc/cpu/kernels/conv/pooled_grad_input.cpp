// The input gradient of a convolution from the gradient of its pooled output (pooled.h).
//
//   dx patch at the maximum += g * w[o, :] over the nonzero elements g, sorted by pixel
#include <cmath>

#include "../entries.h"
#include "pooled.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kMaxSlidingRows = 5;
// Output channels of an accumulation block: longer accumulation chains lose accuracy. 64x48x14->64
// k3, with 32 channels instead of all 64: error 1.2e-7 to 9.6e-8 in the same time.
inline constexpr int64_t kAccumulatedChannels = 32;

// The nonzero elements of one row of windows by the pixel of their maximum: for each pixel room for
// `capacity` values and offsets of their channels' weights.
template <typename T>
struct NonzerosByPixel {
  int32_t* end;  // of each pixel's
  int32_t* at;
  T* value;
  int64_t capacity;

  void clear(int64_t pixels) const {
    for (int64_t k = 0; k < pixels; ++k) end[k] = int32_t(k * capacity);
  }
  int64_t count(int64_t pixel) const { return end[pixel] - pixel * capacity; }
};

// Adds those of one output channel, whose weights are at offset `at`.
template <typename T>
void sort_by_pixel(const PoolGeometry& p, const int32_t* pixel_of_index, const T* grad,
                   const uint8_t* indices, int32_t at, const NonzerosByPixel<T>& nonzeros) {
  const int64_t columns = p.out_width, step = p.window_width;
  for (int64_t j = 0; j < columns; ++j) {
    int32_t& end = nonzeros.end[j * step + pixel_of_index[indices[j]]];
    const int64_t slot = end;
    nonzeros.at[slot] = at;
    nonzeros.value[slot] = grad[j];
    end = int32_t(slot + (std::abs(grad[j]) > T(0)));  // cheaper than != 0, which is true for NaN
  }
}

// dx[r * row + v * L ..] += the sum of n elements times the weights of their channels, for R rows
// and V vectors from w on.
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

// The same for all pixels of a row of dy and whole rows of patches, V = KW x S vectors. The overlap
// of neighboring patches stays in registers, which shift by a pixel, S vectors: a patch costs one
// column of loads and stores instead of all of them.
template <typename T, int L, int R, int V, int S>
void slide_weights(const T* w, const NonzerosByPixel<T>& nonzeros, int64_t first, int64_t pixels,
                   T* dx, int64_t row) {
  // padded_run() as a constant: one address for all of a patch.
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
    const int32_t* at = nonzeros.at + pixel * nonzeros.capacity;
    const T* value = nonzeros.value + pixel * nonzeros.capacity;
    const int64_t n = nonzeros.count(pixel);
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

// Calls f(kernel width, vectors of a pixel), as constants, for kernels 3 or 5 wide whose rows fit
// into registers; false for others.
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

// An image from one that is channels last and padded.
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
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t pixels = p.window_height * g.out_width;
  return {Patches<T>(g).copies_size(1) + list_size<T>(pixels * g.out_channels, pixels),
          packed_weights_size<T>(g)};
}

template <typename T>
void pack(const ConvGeometry& g, const T* weight, T* packed) {
  std::memset(packed, 0, packed_weights_size<T>(g) * sizeof(T));
  for_each_weight<T>(g, [&](int64_t index, int64_t at) { packed[at] = weight[index]; });
}

template <typename T>
void backward_image(const ConvGeometry& g, const PoolGeometry& p, const T* grad,
                    const uint8_t* indices, const T* packed, T* grad_input, T* workspace) {
  const Patches<T> patches(g);
  const int64_t w_row = patches.padded_run(), w_channel = g.kernel_height * w_row,
                row = g.dilation_height * patches.pitch;
  const int64_t pooled = p.out_height * p.out_width, pixels = p.window_height * g.out_width;
  const Parts channels(g.out_channels, kAccumulatedChannels);
  T* const dx = workspace;
  NonzerosByPixel<T> nonzeros{};
  nonzeros.capacity = g.out_channels;
  nonzeros.value = dx + patches.copies_size(1);
  nonzeros.at = reinterpret_cast<int32_t*>(nonzeros.value + pixels * nonzeros.capacity);
  nonzeros.end = nonzeros.at + pixels * nonzeros.capacity;
  int32_t pixel_of_index[256] = {};
  for (int64_t k = 0; k < p.window_height * p.window_width; ++k)
    pixel_of_index[k] = int32_t(k / p.window_width * g.out_width + k % p.window_width);
  std::memset(dx, 0, patches.copies_size(1) * sizeof(T));

  with_patch_lanes(g, patches, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    for (int64_t k = 0; k < p.out_height * channels.count; ++k) {
      const int64_t i = k / channels.count, block = k % channels.count;
      nonzeros.clear(pixels);
      for (int64_t o = channels.begin(block); o < channels.begin(block + 1); ++o) {
        const int64_t from = o * pooled + i * p.out_width;
        sort_by_pixel(p, pixel_of_index, grad + from, indices + from, int32_t(o * w_channel),
                      nonzeros);
      }
      const int64_t row0 = i * p.window_height;
      const auto slide = [&](auto columns, auto step) {
        constexpr int S = decltype(step)::value, V = decltype(columns)::value * S;
        constexpr int max_rows = smaller(kAccumulators / V, kMaxSlidingRows);
        const Parts blocks(g.kernel_height, max_rows);
        for (int64_t b = 0; b < blocks.count; ++b) {
          const int64_t r = blocks.begin(b);
          with_constant<max_rows>(blocks.begin(b + 1) - r, [&](auto rows) {
            for (int64_t h = 0; h < p.window_height; ++h) {
              slide_weights<T, L, decltype(rows)::value, V, S>(
                  packed + r * w_row, nonzeros, h * g.out_width, g.out_width,
                  dx + (row0 + h) * patches.pitch + r * row, row);
            }
          });
        }
      };
      if (with_sliding_patch(g, patches.channels / L, slide)) continue;
      for_each_tile(g.kernel_height, divide_up(patches.run, L),
                    [&](int64_t r, auto rows, int64_t v, auto vectors) {
                      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
                        if (nonzeros.count(pixel) == 0) continue;
                        const int64_t h = row0 + pixel / g.out_width, w = pixel % g.out_width;
                        add_weights<T, L, decltype(rows)::value, decltype(vectors)::value>(
                            packed + r * w_row + v * L, w_row,
                            nonzeros.at + pixel * nonzeros.capacity,
                            nonzeros.value + pixel * nonzeros.capacity, nonzeros.count(pixel),
                            dx + h * patches.pitch + w * patches.channels + r * row + v * L, row);
                      }
                    });
    }
    copy_channels_first<T, L>(g, patches, dx, grad_input);
  });
}

template <typename T>
void backward(const ConvGradInputParams<T>& params) {
  const int64_t image = params.conv.out_channels * params.pool.out_height * params.pool.out_width;
  for (int64_t n = 0; n < params.images; ++n) {
    backward_image(params.conv, params.pool, params.grad + n * image, params.indices + n * image,
                   params.packed, params.grad_input + n * params.in_image, params.workspace);
  }
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.pooled_grad_input = {memory<T>, pack<T>, backward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
