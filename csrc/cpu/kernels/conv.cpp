// Direct convolution of images with few channels: stride 1, one group, any padding and dilation.
//
//   forward   y[o, p]      = b[o] + sum over i, t of w[o, i, t] x[i, p + t]          p a pixel, t a
//   tap (row, column) input     dx[i, q]     = sum over t of c[i, t, q - t],  c[i, t, p] = sum over
//   o of w[o, i, t] dy[o, p] weight    dw[o, i, t]  = sum over images, p of dy[o, p] x[i, p + t]
//
// All three are the same inner loop: a register tile of scalars times vectors of L neighbouring
// pixels.
//   forward: kTileChannels output channels x kTilePixels vectors, which may lie anywhere in the
//   image; no im2col, the
//     input stays in the first-level cache and is read in place (or, padded or narrow, from a
//     padded copy of one image).
//   input: kTileTaps taps of one kernel row x kTilePixels vectors, summed over o, into a buffer c
//   of one input channel;
//     shifted rows of it are then added. No arithmetic on the zeros of a full correlation.
//   weight: kTileChannels x kTileTaps vector accumulators over all pixels of a block of images that
//   fits the
//     first-level cache; lanes are added once a block.
// Vectors are as long as the machine's or half as long, whichever wastes fewer lanes on the image's
// rows. The last vector of a row overlaps its neighbour where it is only stored, and is masked
// where it is summed.
#include "fill.h"
#include "pool.h"
#include "vec.h"

namespace inkgrad::cpu {
namespace {

inline constexpr bool kManyRegisters = kVectorRegisters == 32;
inline constexpr int kTileChannels = 5;
inline constexpr int kTilePixels = kManyRegisters ? 4 : 2;
inline constexpr int kTileTaps = 5;
inline constexpr int kTileWeightChannels = kManyRegisters ? 5 : 2;
inline constexpr int64_t kBlockBytes = 32 * 1024;
inline constexpr int64_t kChain = 80;

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// n split into the fewest parts of at most `most`, as even as can be: part(i) is the i-th one's
// begin.
struct Parts {
  int64_t n, count;
  Parts(int64_t n, int64_t most) : n(n), count(divide_up(n, most)) {}
  int64_t begin(int64_t i) const { return i * n / count; }
};

// Calls f(std::integral_constant<int, n>) for n in 1 .. Most.
template <int Most, typename F>
inline void with_constant(int64_t n, F f) {
  if constexpr (Most == 1) {
    f(std::integral_constant<int, 1>{});
  } else {
    if (n == Most) {
      f(std::integral_constant<int, Most>{});
    } else {
      with_constant<Most - 1>(n, f);
    }
  }
}

// Calls f with the number of lanes that suits rows of `width` pixels. A vector twice as long costs
// less than two.
template <typename T, typename F>
inline void with_lanes(int64_t width, F f) {
  constexpr int L = kLanes<T>;
  if (divide_up(width, L) * 8 <= divide_up(width, L / 2) * 5) {
    f(std::integral_constant<int, L>{});
  } else {
    f(std::integral_constant<int, L / 2>{});
  }
}

template <typename T>
inline int64_t padded_pitch(const ConvGeometry& g) {
  return g.in_width + 2 * g.pad_width + kLanes<T>;
}
template <typename T>
inline int64_t padded_plane(const ConvGeometry& g) {
  return (g.in_height + 2 * g.pad_height) * padded_pitch<T>(g);
}
// The same of c, the buffer of the gradient with respect to the input: rows of all taps with zeros
// on either side.
inline int64_t tap_margin(const ConvGeometry& g) { return (g.kernel_width - 1) * g.dilation_width; }
template <typename T>
inline int64_t tap_pitch(const ConvGeometry& g) {
  return tap_margin(g) + larger(g.out_width, g.in_width + g.pad_width) + kLanes<T>;
}

// An image with rows `pitch` apart and channels `plane` apart.
template <typename T>
struct Image {
  const T* data;
  int64_t pitch, plane;
};

// The image itself where vectors of L pixels never read outside of it, else a zero-padded copy in
// `copy`.
template <typename T, int L>
Image<T> padded_image(const ConvGeometry& g, const T* input, bool reads_past_rows, T* copy) {
  if (g.pad_height == 0 && g.pad_width == 0 && !reads_past_rows) {
    return {input, g.in_width, g.in_height * g.in_width};
  }
  const int64_t pitch = padded_pitch<T>(g), plane = padded_plane<T>(g);
  std::memset(copy, 0, g.in_channels * plane * sizeof(T));
  for (int64_t c = 0; c < g.in_channels; ++c) {
    for (int64_t h = 0; h < g.in_height; ++h) {
      std::memcpy(copy + c * plane + (h + g.pad_height) * pitch + g.pad_width,
                  input + (c * g.in_height + h) * g.in_width, g.in_width * sizeof(T));
    }
  }
  return {copy, pitch, plane};
}

// Where the v-th vector of a block of rows begins; the last one of a row ends where the row ends,
// if it is long enough.
template <int L>
struct PixelVectors {
  int64_t width, per_row;
  explicit PixelVectors(int64_t width) : width(width), per_row(divide_up(width, L)) {}
  int64_t row(int64_t v) const { return v / per_row; }
  int64_t col(int64_t v) const {
    const int64_t col = v % per_row * L;
    return col + L <= width ? col : larger(width - L, 0);
  }
};

// ---- forward
// ------------------------------------------------------------------------------------------

// sums[O][P] += the taps of channels i .. end (= for the first channels); returns where the next
// weights lie. A function of its own, so that the sums of the chains before it do not compete for
// registers.
template <typename T, int L, int O, int P>
__attribute__((noinline)) const T* forward_chain(const ConvGeometry& g, const Image<T>& image,
                                                 const T* const (&x)[P], const T* w, int64_t i,
                                                 int64_t end, Vec<T, L> (&sums)[O][P]) {
  const bool first = i == 0;
  Vec<T, L> acc[O][P];
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) acc[o][p] = Vec<T, L>{};
  }
  for (; i < end; ++i) {
    for (int64_t r = 0; r < g.kernel_height; ++r) {
      int64_t tap = i * image.plane + r * g.dilation_height * image.pitch;
      for (int64_t c = 0; c < g.kernel_width; ++c, tap += g.dilation_width, w += O) {
        Vec<T, L> v[P];
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) v[p] = load<L>(x[p] + tap);
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
          for (int p = 0; p < P; ++p) acc[o][p] += w[o] * v[p];
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sums[o][p] = first ? acc[o][p] : sums[o][p] + acc[o][p];
  }
  return w;
}

// O channels x P vectors of pixels. x[p]: where the p-th vector's window begins; y[p]: where it
// goes in the first channel.
template <typename T, int L, int O, int P>
inline void forward_tile(const ConvGeometry& g, const Image<T>& image, const T* const (&x)[P],
                         const T* w, const T* bias, T* const (&y)[P], int64_t y_channel,
                         int64_t n) {
  // Sums of a few channels' taps, added in order: long chains of additions lose accuracy. The bias
  // comes last for the same reason: every partial sum would be as large as it.
  const int64_t channels_per_chain = larger(kChain / (g.kernel_height * g.kernel_width), 1);
  Vec<T, L> sums[O][P];
  for (int64_t i = 0; i < g.in_channels; i += channels_per_chain) {
    w = forward_chain<T, L, O, P>(g, image, x, w, i, smaller(i + channels_per_chain, g.in_channels),
                                  sums);
  }
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
    const T b = bias ? bias[o] : T(0);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      if (n == L) {
        store<L>(y[p] + o * y_channel, sums[o][p] + b);
      } else {
        store_first<L>(y[p] + o * y_channel, sums[o][p] + b, n);
      }
    }
  }
}

// Rows row0 .. row0 + rows of channels o0 .. o0 + O into y, whose rows are out_width long and
// channels y_channel apart.
template <typename T, int L, int O>
void forward_rows(const ConvGeometry& g, const Image<T>& image, int64_t row0, int64_t rows,
                  const T* w, const T* bias, T* y, int64_t y_channel) {
  const PixelVectors<L> vectors(g.out_width);
  const int64_t stored = g.out_width < L ? g.out_width : L;
  const Parts groups(rows * vectors.per_row, kTilePixels);
  for (int64_t group = 0; group < groups.count; ++group) {
    const int64_t first = groups.begin(group);
    with_constant<kTilePixels>(groups.begin(group + 1) - first, [&](auto size) {
      constexpr int P = decltype(size)::value;
      const T* from[P];
      T* to[P];
      for (int p = 0; p < P; ++p) {
        const int64_t row = vectors.row(first + p), col = vectors.col(first + p);
        from[p] = image.data + (row0 + row) * image.pitch + col;
        to[p] = y + row * g.out_width + col;
      }
      forward_tile<T, L, O, P>(g, image, from, w, bias, to, y_channel, stored);
    });
  }
}

template <typename T>
void pack_forward(const ConvGeometry& g, const T* weight, T* packed) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const Parts blocks(g.out_channels, kTileChannels);
  for (int64_t b = 0; b < blocks.count; ++b) {
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t o = blocks.begin(b); o < blocks.begin(b + 1); ++o)
        *packed++ = weight[o * taps + t];
    }
  }
}

// Calls f(first channel, constant number of channels, packed weights) for each block of output
// channels.
template <typename T, typename F>
inline void for_each_channel_block(const ConvGeometry& g, const T* packed, F f) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const Parts blocks(g.out_channels, kTileChannels);
  for (int64_t b = 0; b < blocks.count; ++b) {
    const int64_t o = blocks.begin(b);
    with_constant<kTileChannels>(blocks.begin(b + 1) - o,
                                 [&](auto size) { f(o, size, packed + o * taps); });
  }
}

template <typename T>
void conv_forward(const ConvGeometry& g, const T* input, const T* packed, const T* bias, T* output,
                  T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t plane = g.out_height * g.out_width;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      forward_rows<T, L, decltype(channels)::value>(
          g, image, 0, g.out_height, w, bias ? bias + o : nullptr, output + o * plane, plane);
    });
  });
}

template <typename T>
void conv_relu_pool_forward(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                            const T* packed, const T* bias, T* output, uint8_t* indices,
                            T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    T* const rows = workspace + g.in_channels * padded_plane<T>(g);
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t window = p.window_height * g.out_width;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      constexpr int O = decltype(channels)::value;
      for (int64_t i = 0; i < p.out_height; ++i) {
        forward_rows<T, L, O>(g, image, i * p.window_height, p.window_height, w,
                              bias ? bias + o : nullptr, rows, window);
        for (int c = 0; c < O; ++c) {
          const int64_t at = ((o + c) * p.out_height + i) * p.out_width;
          relu_pool_row(rows + c * window, g.out_width, p, output + at, indices + at);
        }
      }
    });
  });
}

// ---- gradient with respect to the input
// -----------------------------------------------------------------

// [in channel][kernel row][block of taps][out channel][tap]
template <typename T>
void pack_backward(const ConvGeometry& g, const T* weight, T* packed) {
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

// V neighbouring vectors of row h of dx, from column j on: the sum of the taps' rows, each shifted
// by its tap. Even and odd taps are summed apart, so that additions do not wait for each other.
template <typename T, int L, int V>
inline void add_shifted(const ConvGeometry& g, const T* c, int64_t h, int64_t j, T* dx) {
  const int64_t pitch = tap_pitch<T>(g), tap_stride = g.out_height * pitch;
  Vec<T, L> sums[2][V] = {};
  for (int64_t r = 0; r < g.kernel_height; ++r) {
    const int64_t row = h + g.pad_height - r * g.dilation_height;
    if (row < 0 || row >= g.out_height) continue;
    const T* from =
        c + r * g.kernel_width * tap_stride + row * pitch + tap_margin(g) + j + g.pad_width;
    const int64_t step = tap_stride - g.dilation_width;
    int64_t k = 0;
    for (; k + 2 <= g.kernel_width; k += 2, from += 2 * step) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        sums[0][v] += load<L>(from + v * L);
        sums[1][v] += load<L>(from + step + v * L);
      }
    }
    if (k < g.kernel_width) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[0][v] += load<L>(from + v * L);
    }
  }
  for (int v = 0; v < V; ++v) {
    const int64_t n = g.in_width - j - v * L;
    if (n >= L) {
      store<L>(dx + v * L, sums[0][v] + sums[1][v]);
    } else {
      store_first<L>(dx + v * L, sums[0][v] + sums[1][v], n);
    }
  }
}

// dx of one channel from c.
template <typename T, int L>
void add_shifted_rows(const ConvGeometry& g, const T* c, T* dx) {
  const Parts groups(divide_up(g.in_width, L), 2);
  for (int64_t h = 0; h < g.in_height; ++h) {
    for (int64_t group = 0; group < groups.count; ++group) {
      const int64_t first = groups.begin(group), j = first * L;
      with_constant<2>(groups.begin(group + 1) - first, [&](auto vectors) {
        add_shifted<T, L, decltype(vectors)::value>(g, c, h, j, dx + h * g.in_width + j);
      });
    }
  }
}

template <typename T>
void conv_backward_input(const ConvGeometry& g, const T* grad_output, const T* packed,
                         T* grad_input, T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const PixelVectors<L> vectors(g.out_width);
    const int64_t stored = g.out_width < L ? g.out_width : L;
    const Parts groups(g.out_height * vectors.per_row, kTilePixels),
        taps(g.kernel_width, kTileTaps);
    const int64_t pitch = tap_pitch<T>(g), tap_stride = g.out_height * pitch,
                  plane = g.out_height * g.out_width;
    std::memset(workspace, 0, g.kernel_height * g.kernel_width * tap_stride * sizeof(T));
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t r = 0; r < g.kernel_height; ++r) {
        for (int64_t block = 0; block < taps.count; ++block) {
          const int64_t tap = taps.begin(block);
          with_constant<kTileTaps>(taps.begin(block + 1) - tap, [&](auto tap_count) {
            constexpr int K = decltype(tap_count)::value;
            T* const c = workspace + (r * g.kernel_width + tap) * tap_stride + tap_margin(g);
            for (int64_t group = 0; group < groups.count; ++group) {
              const int64_t first = groups.begin(group);
              with_constant<kTilePixels>(groups.begin(group + 1) - first, [&](auto size) {
                constexpr int P = decltype(size)::value;
                const T* from[P];
                T* to[P];
                for (int p = 0; p < P; ++p) {
                  const int64_t row = vectors.row(first + p), col = vectors.col(first + p);
                  from[p] = grad_output + row * g.out_width + col;
                  to[p] = c + row * pitch + col;
                }
                tap_tile<T, L, K, P>(g.out_channels, plane, from, packed, to, tap_stride, stored);
              });
            }
            packed += g.out_channels * K;
          });
        }
      }
      add_shifted_rows<T, L>(g, workspace, grad_input + i * g.in_height * g.in_width);
    }
  });
}

// ---- gradient with respect to the weight
// ----------------------------------------------------------------

// dw of O channels x K taps of one kernel row, over a block of images. dy, x: the block's first
// image.
template <typename T, int L, int O, int K>
void weight_tile(const ConvGeometry& g, int64_t images, const T* dy, int64_t dy_image, const T* x,
                 int64_t x_image, int64_t x_pitch, T* dw, int64_t dw_channel) {
  const int64_t plane = g.out_height * g.out_width, whole = g.out_width / L * L,
                rest = g.out_width - whole;
  // The last vector of a row that L does not divide: it ends where the row ends, and lanes that
  // were counted are masked, in x too, since zero times an infinity that lies there would be NaN. A
  // row shorter than L begins where it begins.
  const bool is_short = g.out_width < L;
  const int64_t last = is_short ? 0 : g.out_width - L;
  const Mask<T, L> counts = is_short ? first_lanes<T, L>(rest) : ~first_lanes<T, L>(L - rest);
  Vec<T, L> acc[O][K];
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) acc[o][k] = Vec<T, L>{};
  }
  for (int64_t n = 0; n < images; ++n, dy += dy_image, x += x_image) {
    for (int64_t h = 0; h < g.out_height; ++h) {
      const T* dy_row = dy + h * g.out_width;
      const T* x_row = x + h * x_pitch;
      for (int64_t j = 0; j < whole; j += L) {
        Vec<T, L> v[O];
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o) v[o] = load<L>(dy_row + o * plane + j);
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) {
          const Vec<T, L> u = load<L>(x_row + j + k * g.dilation_width);
#pragma GCC unroll 8
          for (int o = 0; o < O; ++o) acc[o][k] += v[o] * u;
        }
      }
      if (rest) {
        const auto counted = [&](Vec<T, L> v) { return Vec<T, L>(Mask<T, L>(v) & counts); };
        Vec<T, L> v[O];
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o) {
          const T* p = dy_row + o * plane + last;
          v[o] = is_short ? load_first<L>(p, rest) : counted(load<L>(p));
        }
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) {
          const Vec<T, L> u = counted(load<L>(x_row + last + k * g.dilation_width));
#pragma GCC unroll 8
          for (int o = 0; o < O; ++o) acc[o][k] += v[o] * u;
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) dw[o * dw_channel + k] += horizontal_sum<T, L>(acc[o][k]);
  }
}

// Images whose gradients and one input channel stay in the first-level cache together.
template <typename T>
inline int64_t images_per_block(const ConvGeometry& g) {
  const int64_t bytes =
      (kTileWeightChannels * g.out_height * g.out_width + padded_plane<T>(g)) * int64_t(sizeof(T));
  return larger(kBlockBytes / bytes, 1);
}

template <typename T>
void conv_backward_weight(const ConvGeometry& g, int64_t images, const T* grad_output,
                          const T* input, T* grad_weight, T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const bool copies = g.out_width < L || g.pad_height != 0 || g.pad_width != 0;
    const int64_t in_image = g.in_channels * g.in_height * g.in_width,
                  plane = g.out_height * g.out_width;
    const int64_t taps = g.kernel_height * g.kernel_width, out_image = g.out_channels * plane;
    const int64_t most = images_per_block<T>(g);
    const Parts channel_blocks(g.out_channels, kTileWeightChannels),
        tap_blocks(g.kernel_width, kTileTaps);
    for (int64_t n0 = 0; n0 < images; n0 += most) {
      const int64_t count = images - n0 < most ? images - n0 : most;
      Image<T> image{};
      const int64_t x_image = copies ? g.in_channels * padded_plane<T>(g) : in_image;
      for (int64_t n = 0; n < count; ++n) {
        const auto one =
            padded_image<T, L>(g, input + (n0 + n) * in_image, copies, workspace + n * x_image);
        if (n == 0) image = one;
      }
      for (int64_t b = 0; b < channel_blocks.count; ++b) {
        const int64_t o = channel_blocks.begin(b);
        for (int64_t i = 0; i < g.in_channels; ++i) {
          for (int64_t r = 0; r < g.kernel_height; ++r) {
            for (int64_t t = 0; t < tap_blocks.count; ++t) {
              const int64_t tap = tap_blocks.begin(t);
              const T* x = image.data + i * image.plane + r * g.dilation_height * image.pitch +
                           tap * g.dilation_width;
              T* dw = grad_weight + (o * g.in_channels + i) * taps + r * g.kernel_width + tap;
              with_constant<kTileWeightChannels>(
                  channel_blocks.begin(b + 1) - o, [&](auto channels) {
                    with_constant<kTileTaps>(tap_blocks.begin(t + 1) - tap, [&](auto tap_count) {
                      weight_tile<T, L, decltype(channels)::value, decltype(tap_count)::value>(
                          g, count, grad_output + n0 * out_image + o * plane, out_image, x, x_image,
                          image.pitch, dw, g.in_channels * taps);
                    });
                  });
            }
          }
        }
      }
    }
  });
}

template <typename T>
void conv_backward_bias(const ConvGeometry& g, int64_t images, const T* grad_output,
                        double* grad_bias) {
  constexpr int L = kLanes<T>;
  const int64_t plane = g.out_height * g.out_width;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t o = 0; o < g.out_channels; ++o, grad_output += plane) {
      Vec<double, L> sum{};
      int64_t j = 0;
      for (; j + L <= plane; j += L) sum += to_double<T, L>(load<L>(grad_output + j));
      if (j < plane) sum += to_double<T, L>(load_first<L>(grad_output + j, plane - j));
      grad_bias[o] += horizontal_sum<double, L>(sum);
    }
  }
}

template <typename T>
int64_t conv_workspace(const ConvGeometry& g, const PoolGeometry& p, ConvPass pass) {
  const int64_t padded = g.in_channels * padded_plane<T>(g);
  switch (pass) {
    case ConvPass::forward:
      return padded + kTileChannels * p.window_height * g.out_width;
    case ConvPass::backward_input:
      return g.kernel_height * g.kernel_width * g.out_height * tap_pitch<T>(g) + kLanes<T>;
    case ConvPass::backward_weight:
      return images_per_block<T>(g) * padded;
  }
  return 0;
}

}  // namespace

template <typename T>
void fill_conv(KernelsOf<T>& table) {
  table.conv_pack_forward = pack_forward<T>;
  table.conv_pack_backward = pack_backward<T>;
  table.conv_workspace = conv_workspace<T>;
  table.conv_forward = conv_forward<T>;
  table.conv_relu_pool_forward = conv_relu_pool_forward<T>;
  table.conv_backward_input = conv_backward_input<T>;
  table.conv_backward_weight = conv_backward_weight<T>;
  table.conv_backward_bias = conv_backward_bias<T>;
}
template void fill_conv(KernelsOf<float>&);
template void fill_conv(KernelsOf<double>&);

}  // namespace inkgrad::cpu
