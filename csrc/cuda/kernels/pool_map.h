// Positions of elements in planes and in their pooled output, each of fewer than 2^31 elements.
// Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

struct PoolPosition {
  uint32_t image, channel, row, column;
};
// An element of a plane: whether it is in a window, the output of that window, and its index in the
// window.
struct PlanePosition {
  bool in_window;
  uint32_t output, index;
};

template <bool kChannelsLast>
struct PoolMap {
  Divider channels, height, width, out_height, out_width, window_height, window_width;

  explicit PoolMap(const PooledImages& g)
      : channels(divider(g.channels)),
        height(divider(g.height)),
        width(divider(g.width)),
        out_height(divider(g.out_height)),
        out_width(divider(g.out_width)),
        window_height(divider(g.window_height)),
        window_width(divider(g.window_width)) {}

  INKGRAD_HD PoolPosition output_position(uint32_t i) const {
    return split(i, out_height, out_width);
  }

  // The first element of an output's window, in the planes.
  INKGRAD_HD uint32_t window_start(const PoolPosition& at) const {
    return join(at.image, at.channel, at.row * window_height.divisor,
                at.column * window_width.divisor, height, width);
  }
  // Offset of another element of the window.
  INKGRAD_HD uint32_t step(uint32_t row, uint32_t column) const {
    const uint32_t pixels = row * width.divisor + column;
    return kChannelsLast ? pixels * channels.divisor : pixels;
  }

  INKGRAD_HD PlanePosition plane_position(uint32_t i) const {
    const PoolPosition at = split(i, height, width);
    uint32_t row_in_window, column_in_window;
    const uint32_t row = window_height.divide(at.row, &row_in_window);
    const uint32_t column = window_width.divide(at.column, &column_in_window);
    return {row < out_height.divisor && column < out_width.divisor,
            join(at.image, at.channel, row, column, out_height, out_width),
            row_in_window * window_width.divisor + column_in_window};
  }

 private:
  INKGRAD_HD PoolPosition split(uint32_t i, const Divider& rows, const Divider& columns) const {
    PoolPosition at;
    if (kChannelsLast) i = channels.divide(i, &at.channel);
    i = columns.divide(i, &at.column);
    i = rows.divide(i, &at.row);
    if (!kChannelsLast) i = channels.divide(i, &at.channel);
    at.image = i;
    return at;
  }

  INKGRAD_HD uint32_t join(uint32_t image, uint32_t channel, uint32_t row, uint32_t column,
                           const Divider& rows, const Divider& columns) const {
    if (kChannelsLast) {
      const uint32_t pixel = (image * rows.divisor + row) * columns.divisor + column;
      return pixel * channels.divisor + channel;
    }
    const uint32_t plane = image * channels.divisor + channel;
    return (plane * rows.divisor + row) * columns.divisor + column;
  }
};

}  // namespace inkgrad::cuda
