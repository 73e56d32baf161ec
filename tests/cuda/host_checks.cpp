// The index maps and the functions of the CUDA kernels, gone through by brute force on the host.
// Each function returns the number of errors, or the worst error; test_maps.py and test_math.py
// call them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "chain_map.h"
#include "conv_map.h"
#include "conv_weight_map.h"
#include "gemm_map.h"
#include "index.h"
#include "pool_map.h"
#include "scalar_math.h"
#include "small_linear_map.h"

using namespace inkgrad::cuda;
using inkgrad::Activation;

extern "C" {

// Every element of n in exactly one vector of one thread; in the last chunk, beyond n too.
int64_t chunk_errors(int64_t n, int lanes) {
  const Chunks chunks{lanes};
  std::vector<uint8_t> visits(chunks.count(n) * chunks.elements());
  for (int64_t block = 0; block < chunks.count(n); ++block) {
    for (int thread = 0; thread < kThreads; ++thread) {
      for (int step = 0; step < kSteps; ++step) {
        const int64_t first = chunks.first_of(block, step, thread);
        for (int lane = 0; lane < lanes; ++lane) ++visits.at(first + lane);
      }
    }
  }
  int64_t errors = n > int64_t(visits.size());
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// The last element of n, where n is too large to go through them all.
int64_t last_chunk_errors(int64_t n, int lanes) {
  const Chunks chunks{lanes};
  const int64_t last = chunks.count(n) - 1;
  const int64_t begin = chunks.first_of(last, 0, 0);
  const int64_t end = chunks.first_of(last, kSteps - 1, kThreads - 1) + lanes;
  return !(begin < n && n <= end && end - begin == chunks.elements()) || last > INT32_MAX - 1;
}

int64_t walk_errors(int64_t columns, int lanes) {
  int64_t errors = 0;
  const Chunks chunks{lanes};
  for (const int64_t block : {int64_t(0), int64_t(1), int64_t(1) << 31}) {
    for (int thread = 0; thread < kThreads; thread += 5) {
      ColumnWalk walk(chunks.first_of(block, 0, thread), columns, int64_t(kThreads) * lanes);
      for (int step = 0; step < kSteps; ++step, walk.next_vector()) {
        for (int lane = 0; lane < lanes; ++lane, walk.next_lane()) {
          errors += walk.column() != (chunks.first_of(block, step, thread) + lane) % columns;
        }
      }
    }
  }
  return errors;
}

// Every element of a matrix in exactly one thread of one block.
int64_t column_tile_errors(int64_t rows, int64_t columns) {
  const ColumnTiles tiles = column_tiles(rows, columns);
  std::vector<uint8_t> visits(rows * columns);
  for (int64_t x = 0; x < ceil_div(columns, tiles.across); ++x) {
    for (int64_t y = 0; y < tiles.slices; ++y) {
      for (int thread = 0; thread < kThreads; ++thread) {
        const int64_t column = x * tiles.across + thread % tiles.across;
        const int64_t end = (y + 1) * tiles.rows_per_slice;
        for (int64_t row = y * tiles.rows_per_slice + thread / tiles.across;
             row < end && row < rows && column < columns; row += tiles.tall()) {
          ++visits.at(row * columns + column);
        }
      }
    }
  }
  int64_t errors = tiles.slices > 65535 || kThreads % tiles.across != 0;
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// The limits of a grid, for a matrix too large to go through.
int64_t large_column_tile_errors(int64_t rows, int64_t columns) {
  const ColumnTiles tiles = column_tiles(rows, columns);
  return tiles.slices > 65535 || tiles.slices * tiles.rows_per_slice < rows ||
         (tiles.slices - 1) * tiles.rows_per_slice >= rows;
}

// Around every multiple of the divisor, thinned out if there are many, and at the ends.
int64_t divider_errors(int64_t divisor) {
  const Divider d = divider(divisor);
  const int64_t end = int64_t(1) << 31;
  const int64_t step = std::max<int64_t>(end / 20000 / divisor, 1) * divisor;
  int64_t errors = 0;
  const auto check = [&](int64_t n) {
    if (n < 0 || n >= end) return;
    uint32_t rest;
    const uint32_t quotient = d.divide(uint32_t(n), &rest);
    errors += quotient != n / divisor || rest != n % divisor;
  };
  for (int64_t n = 0; n < end; n += step) {
    for (int64_t near = -2; near <= 2; ++near) check(n + near);
  }
  for (int64_t near = 1; near < 100; ++near) check(end - near);
  return errors;
}

int64_t pool_errors(int64_t images, int64_t channels, int64_t height, int64_t width,
                    int64_t window_height, int64_t window_width, bool channels_last) {
  const PooledImages g{{window_height, window_width, height / window_height, width / window_width},
                       images,
                       channels,
                       height,
                       width,
                       channels_last};
  const auto position = [&](int64_t n, int64_t c, int64_t y, int64_t x, int64_t rows,
                            int64_t columns) {
    return channels_last ? ((n * rows + y) * columns + x) * channels + c
                         : ((n * channels + c) * rows + y) * columns + x;
  };
  int64_t errors = 0;
  const auto check = [&](const auto& map) {
    for (int64_t n = 0; n < images; ++n) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t y = 0; y < height; ++y) {
          for (int64_t x = 0; x < width; ++x) {
            const int64_t row = y / window_height, column = x / window_width;
            const PlanePosition got = map.plane_position(position(n, c, y, x, height, width));
            const bool inside = row < g.out_height && column < g.out_width;
            errors += got.in_window != inside;
            if (!inside) continue;
            const int64_t output = position(n, c, row, column, g.out_height, g.out_width);
            const int64_t place = y % window_height * window_width + x % window_width;
            errors += got.output != output || got.index != place;
            const PoolPosition at = map.output_position(output);
            errors += at.image != n || at.channel != c || at.row != row || at.column != column;
            errors += map.window_start(at) + map.step(y % window_height, x % window_width) !=
                      position(n, c, y, x, height, width);
          }
        }
      }
    }
  };
  if (channels_last) {
    check(PoolMap<true>(g));
  } else {
    check(PoolMap<false>(g));
  }
  return errors;
}

namespace {

PooledConv conv_geometry(int64_t images, int64_t in, int64_t height, int64_t width, int64_t out,
                         int64_t k, int64_t pad) {
  const int64_t out_height = height + 2 * pad - k + 1, out_width = width + 2 * pad - k + 1;
  return {{in, height, width, out, out_height, out_width, k, k, pad, pad, 1, 1},
          images,
          {2, 2, out_height / 2, out_width / 2}};
}

// Every place of every image in exactly one thread of each share, whose pixels lie in the block's
// tile.
int64_t plane_tile_errors(const PlaneTiles& t, int64_t images, int64_t across, int64_t k) {
  std::vector<uint8_t> visits(images * t.positions * t.channel_slices);
  int64_t errors = t.threads > kLargestBlock || t.threads % 32 != 0 || t.tile.pitch % 2 != 0 ||
                   (t.images > 1 && t.parts > 1);
  for (int block = 0; block < t.image_slices(int(images)); ++block) {
    for (int thread = 0; thread < t.threads; ++thread) {
      int slice, image_in_block, image, position;
      if (!t.locate(block, thread, int(images), &slice, &image_in_block, &image, &position))
        continue;
      ++visits.at((image * t.positions + position) * t.channel_slices + slice);
      errors += image != block / t.parts * t.images + image_in_block;
      errors += image_in_block >= t.images;
      errors += 2 * (position / across) + k >= t.tile.rows;
      errors += 2 * (position % across) + k >= t.tile.pitch;
    }
  }
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

}  // namespace

// Forward's places are those of the pooled images.
int64_t conv_forward_errors(int64_t images, int64_t in, int64_t height, int64_t width, int64_t out,
                            int64_t k, int64_t pad) {
  const PooledConv g = conv_geometry(images, in, height, width, out, k, pad);
  return plane_tile_errors(forward_tiles(g), images, g.pool.out_width, k);
}

// The same of the input's gradient, whose places are those of the image. Rows beyond the tile are
// zeros that lie elsewhere.
int64_t conv_input_grad_errors(int64_t images, int64_t in, int64_t height, int64_t width,
                               int64_t out, int64_t k, int64_t pad) {
  const PooledConv g = conv_geometry(images, in, height, width, out, k, pad);
  PlaneTiles t = input_grad_tiles(g);
  const int64_t errors = t.tile.rows != 2 * g.pool.out_height;
  t.tile.rows = int(height + height % 2 + k - 1);
  return errors + plane_tile_errors(t, images, ceil_div(width, 2), k);
}

// The pairs that 16 neighbouring threads of a plane read at a time lie in banks of their own, if
// the rows could be moved apart; at most two such groups of threads meet.
int64_t conv_input_grad_conflicts(int64_t in, int64_t size, int64_t out, int64_t k) {
  const PooledConv g = conv_geometry(64, in, size, size, out, k, 0);
  const PlaneTiles t = input_grad_tiles(g);
  const int across = int(ceil_div(size, 2));
  int64_t conflicts = 0;
  for (int first = 0; first + 16 <= t.positions; first += 16) {
    std::vector<uint8_t> banks(16);
    for (int place = first; place < first + 16; ++place) {
      conflicts += banks[(place / across * t.tile.pitch + place % across) % 16]++ > 0;
    }
  }
  return conflicts;
}

// Every sum over every place in exactly one block and warp, all that it reads within the tile, and
// every image in exactly one slice.
int64_t conv_weight_grad_errors(int64_t images, int64_t in, int64_t height, int64_t width,
                                int64_t out, int64_t k, int64_t pad) {
  const PooledConv g = conv_geometry(images, in, height, width, out, k, pad);
  const WeightGradTiles t = weight_grad_tiles(g);
  const int64_t places = g.pool.out_height * g.pool.out_width;
  std::vector<uint8_t> visits(out * in * places);
  int64_t errors = t.threads() > 320 || t.slices < 1 || t.slices > 65535 || t.chunk < 1 ||
                   t.in_channels * k * k >= 64 || weight_grad_shared_bytes(t) > 96 * 1024;
  for (int block = 0; block < t.blocks(); ++block) {
    const WeightGradPart part = t.part(block);
    errors += part.tile < 0 || part.tile >= t.tiles();
    for (int warp = 0; warp < t.warps; ++warp) {
      for (int c = 0; c < t.in_channels; ++c) {
        for (int place = 0; place < t.rows * t.columns; ++place) {
          const int64_t row = part.row + place / t.columns,
                        column = part.column + place % t.columns;
          const int64_t out_channel = part.out_channel + warp, in_channel = part.in_channel + c;
          if (out_channel >= out || in_channel >= in || row >= g.pool.out_height ||
              column >= g.pool.out_width) {
            continue;
          }
          ++visits.at((out_channel * in + in_channel) * places + row * g.pool.out_width + column);
        }
      }
    }
    // The last tiles reach to the end of the images, also where no window does.
    if (part.row + t.rows >= g.pool.out_height) {
      errors += 2 * part.row + t.image_rows < height + 2 * pad;
    }
    if (part.column + t.columns >= g.pool.out_width) {
      errors += 2 * part.column + t.image_pitch < width + 2 * pad;
    }
  }
  errors += 2 * t.rows + k - 1 > t.image_rows || 2 * t.columns + k - 1 > t.image_pitch;
  for (const uint8_t count : visits) errors += count != 1;
  int64_t next = 0;
  for (int64_t slice = 0; slice < t.slices; ++slice) {
    errors += t.begin(slice, images) != next || next % kImageLanes != 0;
    next = t.begin(slice + 1, images);
  }
  return errors + (next < images || next >= images + kImageLanes);
}

// Every output of every row in exactly one thread, and all that it reads within the tile.
int64_t small_forward_errors(int64_t rows, int64_t inputs, int64_t outputs, int bytes) {
  const SmallForward f = small_forward({rows, outputs, inputs, Activation::relu}, bytes);
  std::vector<uint8_t> visits(rows * outputs);
  for (int64_t block = 0; block < f.blocks(rows); ++block) {
    for (int thread = 0; thread < kThreads; ++thread) {
      const int64_t row = block * f.rows + thread / f.groups;
      for (int c = 0; c < f.per_thread; ++c) {
        const int64_t n = thread % f.groups * f.per_thread + c;
        if (row < rows && n < outputs) ++visits.at(row * outputs + n);
      }
    }
  }
  int64_t errors = f.rows * f.groups != kThreads || f.padded_outputs() < outputs ||
                   f.pitch % 2 == 0 || f.pitch < f.chunk() || f.tile_elements() % kFour != 0 ||
                   f.fours * kFour < inputs || small_forward_shared_bytes(f, bytes) > 47 * 1024;
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// Every row in one tile of one slice; every sum in one thread of the first group, and its terms in
// all groups.
int64_t small_backward_errors(int64_t rows, int64_t inputs, int64_t outputs, int bytes) {
  const SmallBackward b = small_backward({rows, outputs, inputs, Activation::relu});
  int64_t errors = b.units * b.groups > kThreads || (b.groups & (b.groups - 1)) != 0 ||
                   2 * b.units * b.groups <= kThreads || b.rows < 1 || b.slices > 512 ||
                   b.rows_per_slice % b.rows != 0 || b.slices * b.rows_per_slice < rows ||
                   (b.slices - 1) * b.rows_per_slice >= rows ||
                   small_backward_shared_bytes(b, bytes) > 47 * 1024;
  std::vector<uint8_t> visits(b.sums());
  for (int thread = 0; thread < kThreads; ++thread) {
    const int unit = thread % b.units, group = thread / b.units;
    if (group > 0) continue;
    const int n = unit / b.fours, four = unit % b.fours;
    for (int64_t k = four * kFour; k < std::min<int64_t>(inputs, (four + 1) * kFour); ++k) {
      ++visits.at(n * inputs + k);
    }
    if (four == 0) ++visits.at(outputs * inputs + n);
  }
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// A chain of these units, inputs first: nothing overlaps, all fits.
int64_t chain_errors(int levels, const int* units) {
  ChainPass pass{};
  pass.layers = levels - 1;
  for (int l = 0; l < pass.layers; ++l) {
    pass.layer[l].inputs = units[l];
    pass.layer[l].outputs = units[l + 1];
  }
  if (!is_small_chain(pass)) return -1;
  const ChainMap map = chain_map(pass);
  std::vector<uint8_t> width(map.width), weights(map.weights), sums(map.sums);
  for (int level = 0; level < levels; ++level) {
    for (int i = 0; i < units[level]; ++i) ++width.at(map.unit_at[level] + i);
    uint32_t rest;
    const uint32_t last = uint32_t(map.rows * units[level] - 1);
    if (map.by_level[level].divide(last, &rest) != uint32_t(map.rows - 1)) return 1;
    if (rest != uint32_t(units[level] - 1)) return 1;
  }
  for (int l = 0; l < pass.layers; ++l) {
    const int pitch = chain_pitch(units[l]), outputs = units[l + 1];
    for (int i = 0; i < outputs * pitch + outputs; ++i) ++weights.at(map.weight_at[l] + i);
    for (int i = 0; i < chain_gradients(pass.layer[l]) * map.groups[l]; ++i) {
      ++sums.at(map.sum_at[l] + i);
    }
  }
  int64_t errors = map.rows < kChainMinRows || map.rows > kThreads ||
                   chain_shared_bytes(map) + int64_t(kThreads * sizeof(double)) > 47 * 1024;
  for (const auto* room : {&width, &weights, &sums}) {
    for (const uint8_t count : *room) errors += count != 1;
  }
  return errors;
}

// ---- products on the tensor cores

// Every tile of the result in exactly one place, with every step of the sum in one split.
int64_t gemm_tile_errors(int64_t m, int64_t n, int64_t k, int64_t tile_columns, int64_t blocks,
                         bool may_split) {
  const GemmTiles t = gemm_tiles(m, n, k, int(tile_columns), int(blocks), may_split);
  const int64_t rows = int64_t(t.row_pairs) * kBlocksOfCluster, steps = ceil_div(k, kTileDepth);
  std::vector<uint8_t> visits(rows * t.columns * steps);
  int64_t errors = rows * kTileRows < m || t.columns * tile_columns < n || t.steps != steps;
  for (int pair = 0; pair < t.pairs(); ++pair) {
    for (int rank = 0; rank < kBlocksOfCluster; ++rank) {
      const TilePosition at = t.position(pair, rank);
      errors += at.row % kTileRows != 0 || at.column % tile_columns != 0;
      errors += at.split < 0 || at.split >= t.splits || at.first_step >= at.end_step;
      const int64_t tile = at.row / kTileRows * t.columns + at.column / tile_columns;
      for (int step = at.first_step; step < at.end_step; ++step) ++visits.at(tile * steps + step);
    }
  }
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// Every tile of every row and panel, and the blocks of a cluster at the same rows.
int64_t panel_tile_errors(int64_t m, int64_t n, int64_t blocks) {
  const PanelTiles t = panel_tiles(m, n, 512, int(blocks));
  const int64_t columns = int64_t(t.panel_pairs) * kBlocksOfCluster;
  std::vector<uint8_t> visits(t.rows * columns);
  int64_t errors = t.rows * kPanelRows < m || columns * kPanelColumns < n ||
                   t.steps != kMaxPanelSteps || t.clusters < 1 ||
                   t.clusters * kBlocksOfCluster > blocks;
  int next = 0;
  for (int cluster = 0; cluster < t.clusters; ++cluster) {
    const int end = t.begin(cluster + 1);
    errors += t.begin(cluster) != next || end <= next;
    while (next < end) {
      const int first = next, same = t.same_panels_end(first, end);
      errors += same <= first;
      for (; next < same; ++next) {
        for (int rank = 0; rank < kBlocksOfCluster; ++rank) {
          errors += t.column(next, rank) != t.column(first, rank);
          ++visits.at(t.row(next) / kPanelRows * columns + t.column(next, rank) / kPanelColumns);
        }
      }
    }
  }
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// The sums of a warpgroup are the elements of its 64 rows, each once.
int64_t gemm_sum_errors(int64_t columns) {
  std::vector<uint8_t> visits(64 * columns);
  int64_t errors = 0;
  for (int thread = 0; thread < 128; ++thread) {
    for (int i = 0; i < columns / 2; ++i) {
      ++visits.at(sum_row(thread, i) * columns + sum_column(thread, i));
      // Elements that are written together lie together.
      errors += i % 2 == 1 && sum_column(thread, i) != sum_column(thread, i - 1) + 1;
      errors += sum_row(thread, i) != sum_row(thread, 0) + sum_row(0, i);
      errors += sum_column(thread, i) != sum_column(thread, 0) + sum_column(0, i);
    }
  }
  for (const uint8_t count : visits) errors += count != 1;
  return errors;
}

// Where B's rows are interleaved, a thread's sums are `wide` consecutive columns of every group,
// which it finds where finish_interleaved() of gemm_parts.cuh looks for them.
int64_t gemm_interleaved_errors(int64_t columns, int64_t wide) {
  const int w = int(wide), groups = int(columns) / interleaved_group(w);
  int64_t errors = columns % interleaved_group(w) != 0;
  for (int thread = 0; thread < 128; ++thread) {
    for (int group = 0; group < groups; ++group) {
      for (int down = 0; down < 2; ++down) {
        for (int i = 0; i < w; ++i) {
          const int sum = 4 * (w / 2 * group + i / 2) + 2 * down + i % 2;
          errors += sum_row(thread, sum) != sum_row(thread, 0) + 8 * down;
          errors += interleaved_column(sum_column(thread, sum), w) !=
                    group * interleaved_group(w) + thread % 4 * w + i;
        }
      }
    }
  }
  // As the copy engine deals them out: a row is (place in a pair, thread, pair, group).
  int row = 0;
  for (int group = 0; group < groups; ++group) {
    for (int pair = 0; pair < w / 2; ++pair) {
      for (int thread = 0; thread < 4; ++thread) {
        for (int place = 0; place < 2; ++place, ++row) {
          const int column = place + thread * w + pair * 2 + group * interleaved_group(w);
          errors += interleaved_column(row, w) != column;
        }
      }
    }
  }
  return errors;
}

// Where the descriptor finds element (row, k) of an operand of `extent` rows is where the copy
// engine has put it: 128 bytes a row of shared memory, its 16-byte pieces swapped by row % 8.
int64_t gemm_operand_errors(int64_t extent, bool k_is_consecutive) {
  const Major major = k_is_consecutive ? Major::k : Major::mn;
  constexpr uint32_t kStart = 7 * kSwizzleBytes;
  int64_t errors = 0;
  for (int64_t row = 0; row < extent; ++row) {
    for (int64_t k = 0; k < kTileDepth; ++k) {
      const int64_t copied_row = k_is_consecutive ? row : row / 64 * kTileDepth + k;
      const int64_t in_row = 2 * (k_is_consecutive ? k : row % 64);
      const int64_t copied = kStart + copied_row * kRowBytes + (in_row ^ (copied_row % 8 * 16));

      const uint64_t descriptor =
          operand_descriptor(kStart, major) + k / kProductDepth * descriptor_step(major);
      errors += descriptor >> 62 != 1;  // swizzle of 128 bytes
      const int64_t start = (descriptor & 0x3fff) * 16, pieces = (descriptor >> 16 & 0x3fff) * 16,
                    groups = (descriptor >> 32 & 0x3fff) * 16, of_product = k % kProductDepth;
      const int64_t plain = k_is_consecutive
                                ? start + row / 8 * groups + row % 8 * kRowBytes + 2 * of_product
                                : start + row / 64 * pieces + of_product / 8 * groups +
                                      of_product % 8 * kRowBytes + 2 * (row % 64);
      // The tensor core applies the swap to the address: bits 4 to 6 by bits 7 to 9.
      errors += (plain ^ (plain >> 7 & 7) << 4) != copied;
    }
  }
  return errors;
}

// ---- functions; relative errors in units of the last place of a float, over every `stride`-th
// float of (0, 1), against double precision.

double worst_logarithm(int64_t stride) {
  double worst = 0;
  for (int64_t bits = 1; bits < 0x3f800000; bits += stride) {
    const float p = float_of(int32_t(bits));
    const LogPair<float> got = log_pair(p);
    const double log_p = std::log(double(p)), log_1mp = std::log1p(-double(p));
    worst = std::max({worst, std::abs(got.log_p / log_p - 1), std::abs(got.log_1mp / log_1mp - 1)});
  }
  return worst / std::numeric_limits<float>::epsilon();
}

// The loss at targets of 0 and 1, where it is one of the logarithms, clamped.
double worst_loss(int64_t stride) {
  double worst = 0;
  for (int64_t bits = 1; bits < 0x3f800000; bits += stride) {
    const float p = float_of(int32_t(bits));
    for (const float target : {0.0f, 1.0f}) {
      const double right = bce_loss(log_pair(double(p)), double(target));
      worst = std::max(worst, std::abs(bce_loss(log_pair(p), target) / right - 1));
    }
  }
  return worst / std::numeric_limits<float>::epsilon();
}

// log(1 - p) - log(p), except for the floats around 1/2, where it is 0.
double worst_odds(int64_t stride) {
  double worst = 0;
  for (int64_t bits = 1; bits < 0x3f800000; bits += stride) {
    const float p = float_of(int32_t(bits));
    if (p > 0.25f && p < 0.75f) continue;
    const double right = std::log1p(-double(p)) - std::log(double(p));
    worst = std::max(worst, std::abs(log_odds_against(p) / right - 1));
  }
  return worst / std::numeric_limits<float>::epsilon();
}

float loss(float p, float target) { return bce_loss(log_pair(p), target); }
float grad_input(float p, float target) { return bce_grad_input(p, target); }
float grad_target(float p) { return bce_grad_target(p); }

}  // extern "C"
