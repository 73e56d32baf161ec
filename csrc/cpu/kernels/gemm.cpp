// Matrix product with bias and activation in the epilogue: c = activation(a b + bias).
//
// b is packed into panels of kTileCols columns, [k][kTileCols], zero-padded. A tile of kTileRows x
// kTileCols results stays in registers while k runs over a block of at most kBlockK. Elements of a
// are broadcast from memory without packing if k is their contiguous dimension. Otherwise (a is
// transposed, or its rows are a multiple of 4 KiB apart and would compete for the same cache sets),
// a block of its rows is packed tile by tile into [k][rows], once for all columns.
//
// Packing b costs N K moves against 2 M N K operations. So for few rows (a batch against a large
// weight) the roles are swapped: c^T = b^T a^T packs a, and tiles are transposed when stored.
//
//   for block of k                                    -> pack a if necessary
//     for block of columns (its packed panels fit half of a 1 MiB second-level cache) -> pack b
//       for tile of rows                              -> first-level cache keeps a's rows
//         for panel                                   -> registers keep the tile
//
// Tiles are short, so misses of the second-level cache would stall them: the lines of c that a tile
// stores to are prefetched when it begins, and the next tile's rows of a during this one, some with
// every panel.
//
// A result is the sum, in order, of accumulation blocks of kAccumulated fused multiply-adds: longer
// accumulation chains lose accuracy (the error grows with the root of the length), and leaving the
// registers once per block costs about 1 %. The caller's split among threads, by rows or columns,
// never changes a bit.
#include "activation.h"
#include "entries.h"
#include "integers.h"
#include "transpose.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileVectors = 2;
inline constexpr int kTileRows = kVectorRegisters == 32 ? 12 : 6;
template <typename T>
inline constexpr int kTileCols = kTileVectors * kLanes<T>;
template <typename T>
inline constexpr int64_t kLine = 64 / sizeof(T);  // elements of a cache line
inline constexpr int64_t kBlockK = 1024;
inline constexpr int64_t kAccumulated = 128;
inline constexpr int64_t kPackedBytes = 512 * 1024;
inline constexpr int64_t kPackedRows = 1024 / kTileRows * kTileRows;

template <typename T>
struct Blocks {
  int64_t k, cols;  // cols is a multiple of the panel width
};

template <typename T>
Blocks<T> choose_blocks(int64_t N, int64_t K) {
  constexpr int64_t W = kTileCols<T>;
  const int64_t k = K <= kBlockK ? K : divide_up(K, divide_up(K, kBlockK));
  const int64_t fits = kPackedBytes / int64_t(sizeof(T)) / (k > 0 ? k : 1) / W * W;
  return {k, smaller(round_up(N, W), fits < W ? W : fits)};
}

// Where a tile is stored, and its epilogue after the last block of k.
template <typename T>
struct Output {
  T* c;
  int64_t stride;
  const T* bias;
  Activation activation;
  bool transposed;  // a tile of c^T: its bias runs along rows, its columns are stored as rows
};

// Cache lines [begin, end) of the next tile's rows, `stride` apart, for a tile to prefetch.
template <typename T>
struct Prefetch {
  const T* rows;
  int64_t stride, begin, end;
};

// R x cols results (cols <= kTileCols) at (row, col) of the product.
template <typename T, int R, int NV, bool Packed>
void compute_tile(int64_t k, const T* a, int64_t a_stride, const T* panel, bool first, bool last,
                  int64_t row, int64_t col, int64_t cols, const Output<T>& out,
                  const Prefetch<T>& next) {
  constexpr int L = kLanes<T>;
  constexpr int W = kTileCols<T>;
  using V = Vec<T>;
  if (!out.transposed) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < NV; ++v)
        __builtin_prefetch(out.c + (row + r) * out.stride + col + v * L, 1);
    }
  }
  const int64_t blocks = divide_up(k, kAccumulated);
  int64_t line = next.begin;
  V sums[R][NV] = {};
  for (int64_t begin = 0; begin < k; begin += kAccumulated) {
    const int64_t end = smaller(begin + kAccumulated, k);
    const int64_t lines =
        next.begin + (next.end - next.begin) * (begin / kAccumulated + 1) / blocks;
    for (; line < lines; ++line) {
      for (int r = 0; r < R; ++r)
        __builtin_prefetch(next.rows + r * next.stride + line * kLine<T>, 0, 2);
    }
    V acc[R][NV];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) acc[r][v] = V{};
    }
    for (int64_t p = begin; p < end; ++p) {
      V b[NV];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) b[v] = load<L>(panel + p * W + v * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const T x = Packed ? a[p * R + r] : a[r * a_stride + p];
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) acc[r][v] += x * b[v];
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) sums[r][v] += acc[r][v];
    }
  }

  if (out.transposed) {
    // c^T: lanes are rows of c. Through a buffer, so that stores run along c's rows.
    alignas(64) T tile[R * NV * L];
    for (int r = 0; r < R; ++r) {
      const T bias = last && out.bias ? out.bias[row + r] : T(0);
      for (int v = 0; v < NV; ++v) {
        V z = sums[r][v];
        if (!first) {
          for (int i = 0; i < L; ++i) {
            if (v * L + i < cols) z[i] += out.c[(col + v * L + i) * out.stride + row + r];
          }
        }
        if (last) z = activate<T, L>(z + bias, out.activation);
        store<L>(tile + (r * NV + v) * L, z);
      }
    }
    for (int64_t j = 0; j < cols; ++j) {
      T* c = out.c + (col + j) * out.stride + row;
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) c[r] = tile[r * NV * L + j];
    }
    return;
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < NV; ++v) {
      const int64_t n = cols - v * L;
      if (n <= 0) break;
      T* c = out.c + (row + r) * out.stride + col + v * L;
      V z = sums[r][v];
      if (n >= L) {
        if (!first) z += load<L>(c);
        if (last) {
          if (out.bias) z += load<L>(out.bias + col + v * L);
          z = activate<T, L>(z, out.activation);
        }
        store<L>(c, z);
      } else {
        if (!first) z += load_first<L>(c, n);
        if (last) {
          if (out.bias) z += load_first<L>(out.bias + col + v * L, n);
          z = activate<T, L>(z, out.activation);
        }
        store_first<L>(c, z, n);
      }
    }
  }
}

template <typename T>
using TileFunction = void (*)(int64_t, const T*, int64_t, const T*, bool, bool, int64_t, int64_t,
                              int64_t, const Output<T>&, const Prefetch<T>&);

template <typename T, int NV, bool Packed, int R = kTileRows>
TileFunction<T> tile_of_rows(int64_t rows) {
  if constexpr (R == 1) {
    return compute_tile<T, 1, NV, Packed>;
  } else {
    return rows == R ? compute_tile<T, R, NV, Packed> : tile_of_rows<T, NV, Packed, R - 1>(rows);
  }
}

template <typename T>
TileFunction<T> tile_function(int64_t rows, int64_t cols, bool packed) {
  if (cols > kLanes<T>)
    return packed ? tile_of_rows<T, 2, true>(rows) : tile_of_rows<T, 2, false>(rows);
  return packed ? tile_of_rows<T, 1, true>(rows) : tile_of_rows<T, 1, false>(rows);
}

// b[k0 .. k0 + k, j0 .. j0 + cols) into panels.
template <typename T>
void pack_panels(Matrix<T> b, int64_t k0, int64_t k, int64_t j0, int64_t cols, T* packed) {
  constexpr int L = kLanes<T>;
  constexpr int W = kTileCols<T>;
  for (int64_t j = 0; j < cols; j += W, packed += k * W) {
    const int64_t width = smaller(W, cols - j);
    const T* from = b.data + k0 * b.row_stride + (j0 + j) * b.col_stride;
    if (b.col_stride == 1) {
      for (int64_t p = 0; p < k; ++p) {
        const T* row = from + p * b.row_stride;
        for (int v = 0; v < kTileVectors; ++v) {
          const int64_t n = width - v * L;
          const Vec<T> x =
              n >= L ? load<L>(row + v * L) : load_first<L>(row + v * L, n > 0 ? n : 0);
          store<L>(packed + p * W + v * L, x);
        }
      }
    } else if (b.row_stride == 1) {
      for (int v = 0; v < kTileVectors; ++v) {
        transpose_columns<T>(from + v * L * b.col_stride, b.col_stride, width - v * L, k,
                             packed + v * L, W);
      }
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t i = 0; i < W; ++i) {
          packed[p * W + i] = i < width ? from[p * b.row_stride + i * b.col_stride] : T(0);
        }
      }
    }
  }
}

template <typename T>
void pack_rows(Matrix<T> a, int64_t i0, int64_t rows, int64_t k0, int64_t k, T* packed) {
  const T* from = a.data + i0 * a.row_stride + k0 * a.col_stride;
  constexpr int L = kLanes<T>;
  int64_t p = 0;
  // The next vector overwrites what this one writes behind its rows; the workspace has padding for
  // the last.
  if (a.row_stride == 1 && rows <= L) {
    for (; p < k; ++p) store<L>(packed + p * rows, load_first<L>(from + p * a.col_stride, rows));
  } else if (a.col_stride == 1 && rows <= L) {
    for (; p + L <= k; p += L) {
      Vec<T> square[L];
#pragma GCC unroll 16
      for (int r = 0; r < L; ++r)
        square[r] = r < rows ? load<L>(from + r * a.row_stride + p) : Vec<T>{};
      transpose_square<T, L>(square);
#pragma GCC unroll 16
      for (int r = 0; r < L; ++r) store<L>(packed + (p + r) * rows, square[r]);
    }
  }
  for (; p < k; ++p) {
    for (int64_t r = 0; r < rows; ++r)
      packed[p * rows + r] = from[r * a.row_stride + p * a.col_stride];
  }
}

template <typename T>
bool swap_roles(int64_t M, int64_t N, Matrix<T> b) {
  return M < N && b.row_stride == 1;
}

template <typename T>
bool packs_rows(int64_t M, Matrix<T> a) {
  return a.col_stride != 1 || (M > 4 && a.row_stride * int64_t(sizeof(T)) % 4096 == 0);
}

template <typename T>
int64_t gemm_workspace(int64_t M, int64_t N, int64_t K) {
  // Enough for either role; blocks grow with the columns.
  const int64_t longer = M > N ? M : N;
  const auto blocks = choose_blocks<T>(longer, K);
  return blocks.k * (blocks.cols + smaller(longer, kPackedRows)) + kLanes<T>;
}

// Calls f(first row, rows) for the tiles of a block of rows, whose sizes differ by at most one.
template <typename F>
void for_each_tile(int64_t begin, int64_t end, F f) {
  const int64_t tiles = divide_up(end - begin, kTileRows);
  for (int64_t tile = 0, row = begin; tile < tiles; ++tile) {
    const int64_t rows = (end - row) / (tiles - tile);
    f(row, rows);
    row += rows;
  }
}

template <typename T>
void gemm(const Product<T>& product, T* workspace) {
  constexpr int64_t W = kTileCols<T>;
  auto [M, N, K, a, b, bias, activation, c, c_stride] = product;
  Output<T> out{c, c_stride, bias, activation, false};
  if (swap_roles(M, N, b)) {
    const Matrix<T> a_transposed{a.data, a.col_stride, a.row_stride};
    a = {b.data, b.col_stride, b.row_stride};
    b = a_transposed;
    const int64_t rows = M;
    M = N;
    N = rows;
    out.transposed = true;
  }
  const bool pack_a = packs_rows(M, a);
  const int64_t block_rows = pack_a ? kPackedRows : M;
  const auto blocks = choose_blocks<T>(N, K);
  T* const panels = workspace;
  T* const packed = workspace + blocks.k * blocks.cols;

  // A single block of rows unless they are packed.
  for (int64_t i0 = 0; i0 < M; i0 += block_rows) {
    const int64_t i1 = smaller(i0 + block_rows, M);
    int64_t k0 = 0;
    do {  // once for K = 0 too: the epilogue of an empty sum
      const int64_t k = smaller(blocks.k, K - k0);
      const bool first = k0 == 0, last = k0 + k == K;
      if (pack_a) {
        for_each_tile(i0, i1, [&](int64_t row, int64_t rows) {
          pack_rows(a, row, rows, k0, k, packed + (row - i0) * k);
        });
      }
      for (int64_t j0 = 0; j0 < N; j0 += blocks.cols) {
        const int64_t cols = smaller(blocks.cols, N - j0);
        pack_panels(b, k0, k, j0, cols, panels);
        for_each_tile(i0, i1, [&](int64_t row, int64_t rows) {
          const T* a_tile =
              pack_a ? packed + (row - i0) * k : a.data + row * a.row_stride + k0 * a.col_stride;
          const int64_t stride = pack_a ? k : a.row_stride;
          const int64_t lines = row + rows < i1 ? divide_up(k, kLine<T>) : 0;
          Prefetch<T> next{a_tile + rows * stride, stride, 0, 0};
          for (int64_t j = 0; j < cols; j += W) {
            const int64_t width = smaller(W, cols - j);
            next.begin = next.end;
            next.end = lines * (j + width) / cols;
            tile_function<T>(rows, width, pack_a)(k, a_tile, a.row_stride, panels + j * k, first,
                                                  last, row, j0 + j, width, out, next);
          }
        });
      }
      k0 += k;
    } while (k0 < K);
  }
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.gemm = gemm<T>;
  table.gemm_workspace = gemm_workspace<T>;
  table.gemm_tile_rows = kTileRows;
  table.gemm_tile_cols = kTileCols<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
