// Shared by the direct convolutions. Their inner loop is a register tile of scalars times vectors
// of L neighboring elements. Vectors are as long as the machine's or half as long, whichever wastes
// fewer lanes.
#pragma once

#include "../integers.h"
#include "../vec.h"
#include "kernels.h"

namespace inkgrad::cpu {

inline constexpr bool kManyRegisters = kVectorRegisters == 32;
// Whether a partial load is one instruction.
#if defined(__AVX2__)
inline constexpr bool kMasksLoads = true;
#else
inline constexpr bool kMasksLoads = false;
#endif

// A long vector costs so many short ones of half its length. The gradients, which mask the end of
// each row, gain less from long vectors than the forward pass.
inline constexpr double kLongCost = 1.5, kLongCostOfGradient = 1.6;

// Calls f with the number of lanes for rows of `width` pixels.
template <typename T, typename F>
inline void with_lanes(int64_t width, double long_cost, F f) {
  constexpr int L = kLanes<T>;
  // A single lane is no vector; GCC 12 for aarch64 fails on it with an internal error.
  if (L == 2 || double(divide_up(width, L)) * long_cost <= double(divide_up(width, L / 2))) {
    f(std::integral_constant<int, L>{});
  } else if constexpr (L > 2) {
    f(std::integral_constant<int, L / 2>{});
  }
}

inline int64_t padded_height(const ConvGeometry& g) { return g.in_height + 2 * g.pad_height; }
inline int64_t padded_width(const ConvGeometry& g) { return g.in_width + 2 * g.pad_width; }
// Rows and planes past which a vector may read.
template <typename T>
inline int64_t padded_pitch(const ConvGeometry& g) {
  return padded_width(g) + kLanes<T>;
}
template <typename T>
inline int64_t padded_plane(const ConvGeometry& g) {
  return padded_height(g) * padded_pitch<T>(g);
}

// An image with rows `pitch` apart and channels `plane` apart.
template <typename T>
struct Image {
  const T* data;
  int64_t pitch, plane;
};

// The image itself if vectors of L pixels stay inside it, else a zero-padded copy in `copy`.
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

// Steps through the vectors of a block of rows. The last vector of a row ends with the row, if the
// row is long enough.
template <int L>
class PixelVectors {
 public:
  explicit PixelVectors(int64_t width) : last_(larger(width - L, 0)), width_(width) {}
  static int64_t per_row(int64_t width) { return divide_up(width, L); }
  int64_t row() const { return row_; }
  int64_t col() const { return smaller(next_, last_); }
  void advance() {
    next_ += L;
    if (next_ >= width_) {
      next_ = 0;
      ++row_;
    }
  }

 private:
  int64_t last_, width_, row_ = 0, next_ = 0;
};

}  // namespace inkgrad::cpu
