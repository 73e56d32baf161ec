// The gradient of the direct convolution with respect to its input.
//
//   dx[i, q] = sum over t of c[i, t, q - t],  c[i, t, p] = sum over o of w[o, i, t] dy[o, p]
//
// A tile is kTileTaps taps of one kernel row x kTilePixels vectors of pixels, summed over o into c.
// To stay in the L1 cache, c holds only what one kernel row contributes to a few rows of dx; its
// rows are then added to dx, each shifted by its tap. No arithmetic on the zeros of a full
// correlation.
#include <utility>

#include "../entries.h"
#include "direct.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileTaps = 5;
inline constexpr int kTilePixels = kManyRegisters ? 4 : 2;
inline constexpr int64_t kBlockBytes = 8 * 1024;

// Zeros on either side of the rows of c.
inline int64_t tap_margin(const ConvGeometry& g) { return (g.kernel_width - 1) * g.dilation_width; }
template <typename T>
inline int64_t tap_pitch(const ConvGeometry& g) {
  return tap_margin(g) + larger(g.out_width, g.in_width + g.pad_width) + kLanes<T>;
}

// [in channel][kernel row][block of taps][out channel][tap]
template <typename T>
void pack(const ConvGeometry& g, const T* weight, T* packed) {
  const Parts blocks(g.kernel_width, kTileTaps);
  for (int64_t i = 0; i < g.in_channels; ++i) {
    for (int64_t r = 0; r < g.kernel_height; ++r) {
      for (int64_t b = 0; b < blocks.count; ++b) {
        for (int64_t o = 0; o < g.out_channels; ++o) {
          const T* row = weight + ((o * g.in_channels + i) * g.kernel_height + r) * g.kernel_width;
          for (int64_t c = blocks.begin(b); c < blocks.begin(b + 1); ++c) *packed++ = row[c];
        }
      }
    }
  }
}

// c of K taps x P vectors of pixels.
template <typename T, int L, int K, int P>
inline void tap_tile(int64_t out_channels, int64_t plane, const T* const (&dy)[P], const T* w,
                     T* const (&to)[P], int64_t tap_stride, int64_t n) {
  Vec<T, L> acc[K][P];
#pragma GCC unroll 8
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) acc[k][p] = Vec<T, L>{};
  }
  for (int64_t o = 0, at = 0; o < out_channels; ++o, at += plane, w += K) {
    Vec<T, L> v[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) v[p] = n == L ? load<L>(dy[p] + at) : load_first<L>(dy[p] + at, n);
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) acc[k][p] += w[k] * v[p];
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < K; ++k) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      if (n == L) {
        store<L>(to[p] + k * tap_stride, acc[k][p]);
      } else {
        store_first<L>(to[p] + k * tap_stride, acc[k][p], n);
      }
    }
  }
}

// Rows of dy in a block, whose c stays in the L1 cache.
template <typename T>
inline int64_t rows_per_block(const ConvGeometry& g) {
  const int64_t bytes = kTileTaps * tap_pitch<T>(g) * int64_t(sizeof(T));
  return smaller(g.out_height, larger(kBlockBytes / bytes, 1));
}
// Between taps in c.
template <typename T>
inline int64_t tap_stride(const ConvGeometry& g) {
  return rows_per_block<T>(g) * tap_pitch<T>(g);
}

// Row pitch of dx while it is summed: whole vectors, so that loads match earlier stores.
template <typename T>
inline int64_t sum_pitch(const ConvGeometry& g) {
  return divide_up(g.in_width, kLanes<T>) * kLanes<T>;
}

// dx of one channel += the contribution of rows row0 .. row0 + rows of dy through K taps of kernel
// row r from `tap` on: their rows of c, each shifted by its tap.
template <typename T, int L, int K>
void add_shifted_rows(const ConvGeometry& g, const T* c, int64_t row0, int64_t rows, int64_t r,
                      int64_t tap, T* dx) {
  const int64_t pitch = tap_pitch<T>(g), tap_step = tap_stride<T>(g) - g.dilation_width,
                width = g.in_width, height = g.in_height, dx_pitch = sum_pitch<T>(g);
  const T* from = c + tap_margin(g) + g.pad_width - tap * g.dilation_width;
  int64_t h = row0 - g.pad_height + r * g.dilation_height;
  for (int64_t row = 0; row < rows; ++row, ++h, from += pitch) {
    if (h < 0 || h >= height) continue;
    T* const to = dx + h * dx_pitch;
    for (int64_t j = 0; j < width; j += L) {
      Vec<T, L> sum = load<L>(from + j);
#pragma GCC unroll 8
      for (int k = 1; k < K; ++k) sum += load<L>(from + k * tap_step + j);
      store<L>(to + j, load<L>(to + j) + sum);
    }
  }
}

// Elements of c for one block, in whole vectors.
template <typename T>
inline int64_t taps_size(const ConvGeometry& g) {
  return divide_up(kTileTaps * tap_stride<T>(g), kLanes<T>) * kLanes<T> + kLanes<T>;
}

template <typename T>
inline int64_t sums_and_taps_size(const ConvGeometry& g) {
  return g.in_height * sum_pitch<T>(g) + 2 * taps_size<T>(g);
}

// A block of taps whose products are in c.
template <typename T>
struct Shifts {
  const T* c;
  int64_t row0, rows, r, tap, taps;
};

template <typename T>
void backward_image(const ConvGeometry& g, const T* grad_output, const T* packed, T* grad_input,
                    T* workspace) {
  with_lanes<T>(g.out_width, kLongCostOfGradient, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const int64_t stored = g.out_width < L ? g.out_width : L;
    const Parts taps(g.kernel_width, kTileTaps), blocks(g.out_height, rows_per_block<T>(g));
    const int64_t pitch = tap_pitch<T>(g), plane = g.out_height * g.out_width,
                  dx_pitch = sum_pitch<T>(g), stride = tap_stride<T>(g);
    T *const dx = workspace, *c = dx + g.in_height * dx_pitch, *other = c + taps_size<T>(g);
    // The margins of c stay zero.
    std::memset(workspace, 0, sums_and_taps_size<T>(g) * sizeof(T));
    // The sums of a block of taps are added after the next block is stored: a shifted load right
    // after its store would wait for it.
    Shifts<T> last{};
    const auto add_last = [&] {
      with_constant<kTileTaps>(last.taps, [&](auto count) {
        add_shifted_rows<T, L, decltype(count)::value>(g, last.c, last.row0, last.rows, last.r,
                                                       last.tap, dx);
      });
    };
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t r = 0; r < g.kernel_height; ++r) {
        for (int64_t t = 0; t < taps.count; ++t) {
          const int64_t tap = taps.begin(t);
          with_constant<kTileTaps>(taps.begin(t + 1) - tap, [&](auto tap_count) {
            constexpr int K = decltype(tap_count)::value;
            for (int64_t block = 0; block < blocks.count; ++block) {
              const int64_t row0 = blocks.begin(block), rows = blocks.begin(block + 1) - row0;
              const Parts groups(rows * PixelVectors<L>::per_row(g.out_width), kTilePixels);
              PixelVectors<L> vector(g.out_width);
              for (int64_t group = 0; group < groups.count; ++group) {
                with_constant<kTilePixels>(
                    groups.begin(group + 1) - groups.begin(group), [&](auto pixels) {
                      constexpr int P = decltype(pixels)::value;
                      const T* from[P];
                      T* to[P];
                      for (int p = 0; p < P; ++p, vector.advance()) {
                        from[p] = grad_output + (row0 + vector.row()) * g.out_width + vector.col();
                        to[p] = c + tap_margin(g) + vector.row() * pitch + vector.col();
                      }
                      tap_tile<T, L, K, P>(g.out_channels, plane, from, packed, to, stride, stored);
                    });
              }
              if (last.c) add_last();
              last = {c, row0, rows, r, tap, K};
              std::swap(c, other);
            }
            packed += g.out_channels * K;
          });
        }
      }
      add_last();
      last = {};
      for (int64_t h = 0; h < g.in_height; ++h, grad_input += g.in_width)
        std::memcpy(grad_input, dx + h * dx_pitch, g.in_width * sizeof(T));
      std::memset(dx, 0, g.in_height * dx_pitch * sizeof(T));
    }
  });
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t dense = p.window_height > 0 ? g.out_channels * g.out_height * g.out_width : 0;
  return {sums_and_taps_size<T>(g) + dense,
          g.out_channels * g.in_channels * g.kernel_height * g.kernel_width};
}

template <typename T>
void backward(const ConvGradInputParams<T>& params) {
  const ConvGeometry& g = params.conv;
  const PoolGeometry& p = params.pool;
  const bool pools = p.window_height > 0;
  const int64_t plane = g.out_height * g.out_width,
                grad_plane = pools ? p.out_height * p.out_width : plane;
  T* const dense = params.workspace + sums_and_taps_size<T>(g);
  for (int64_t n = 0; n < params.images; ++n) {
    const int64_t image = n * g.out_channels * grad_plane;
    for (int64_t o = 0; pools && o < g.out_channels; ++o) {
      const int64_t from = image + o * grad_plane;
      unpool_plane(p, params.grad + from, params.indices + from, g.out_height, g.out_width,
                   dense + o * plane);
    }
    backward_image(g, pools ? dense : params.grad + image, params.packed,
                   params.grad_input + n * params.in_image, params.workspace);
  }
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.direct_grad_input = {memory<T>, pack<T>, backward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
