// Every CPU kernel against plain loops in double, without torch: for machines that are emulated, and
// for other compilers (.ci/cross.py). Work is done at once and in two parts, as the ops divide it
// among threads.
//
// Operands are multiples of 1/64, so that both sides begin with the same numbers. Results and
// workspaces are NaN before a call, so that what a kernel leaves unwritten shows.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../../csrc/cpu/kernels/conv/winograd_scheme.h"
#include "../../csrc/cpu/kernels/integers.h"
#include "../../csrc/cpu/kernels/table.h"

namespace {

using namespace inkgrad;
using namespace inkgrad::cpu;

using Values = std::vector<double>;
using Indices = std::vector<uint8_t>;

int passed = 0, failed = 0;
std::string subject;  // of the checks that follow
int parts = 1;        // into which their work is divided

void expect(bool is_right, const std::string& name, const std::string& difference = "") {
  ++(is_right ? passed : failed);
  if (!is_right)
    std::printf("FAILED %s in %d part(s): %s%s\n", subject.c_str(), parts, name.c_str(),
                difference.c_str());
}

// An array aligned to 64 bytes.
template <typename T>
class Array {
 public:
  explicit Array(int64_t size, T value = std::numeric_limits<T>::quiet_NaN())
      : size_(size),
        data_(static_cast<T*>(std::aligned_alloc(64, round_up(size * sizeof(T) + 1, 64))),
              &std::free) {
    for (int64_t i = 0; i < size; ++i) data_.get()[i] = value;
  }
  int64_t size() const { return size_; }
  operator T*() { return data_.get(); }
  operator const T*() const { return data_.get(); }

 private:
  int64_t size_;
  std::unique_ptr<T, decltype(&std::free)> data_;
};

template <typename T>
Array<T> random(int64_t size, int low = -64, int high = 64) {
  static uint64_t state = 1;
  Array<T> result(size);
  for (int64_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    result[i] = T(low + int64_t((state >> 33) % (high - low + 1))) / T(64);
  }
  return result;
}

// Errors are relative to the largest result.
template <typename T, typename Results>
void expect_close(const std::string& name, const Results& got, const Values& want) {
  const double tolerance = sizeof(T) == sizeof(float) ? 4e-6 : 1e-14;
  double largest = 1, error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::fmax(largest, std::fabs(want[i]));
    const double difference = std::fabs(double(got[i]) - want[i]);
    error = difference <= error ? error : difference;  // NaN stays
  }
  expect(error <= tolerance * largest, name, ": error " + std::to_string(error / largest));
}

// Calls f(first, last) for each part of 0 .. size.
template <typename F>
void in_parts(int64_t size, F f) {
  for (int part = 0; part < parts; ++part) {
    const int64_t first = part * size / parts, last = (part + 1) * size / parts;
    if (first < last) f(first, last);
  }
}

// ---- convolutions

struct Shape {
  int64_t images, in_channels, height, width, out_channels, kernel_height, kernel_width;
  int64_t pad_height = 0, pad_width = 0, dilation_height = 1, dilation_width = 1;
  int64_t window_height = 0, window_width = 0;
};

constexpr Shape kConvolutions[] = {
    {5, 1, 28, 28, 10, 5, 5, 0, 0, 1, 1, 2, 2},   // the first layers of the course's network
    {3, 10, 12, 12, 20, 5, 5, 0, 0, 1, 1, 2, 2},  //
    {2, 3, 7, 9, 5, 3, 3, 1, 1},                  //
    {1, 7, 11, 13, 9, 3, 3},                      //
    {1, 5, 6, 5, 49, 3, 3, 1, 0},                 // several tiles of channels in lanes
    {7, 6, 9, 7, 11, 3, 3, 1, 1, 1, 1, 2, 2},     // windows cut off
    {19, 6, 6, 6, 8, 3, 3, 2, 1},                 // more images than lanes
    {17, 7, 9, 8, 9, 5, 5, 2, 2},                 //
    {2, 2, 5, 1, 3, 2, 1},                        // a column
    {2, 3, 5, 3, 3, 3, 1},                        // narrower than a vector
    {2, 3, 11, 12, 4, 3, 2, 1, 2, 2, 3},          //
    {2, 5, 8, 10, 6, 2, 4, 0, 0, 1, 1, 3, 3},     //
    {3, 6, 12, 9, 7, 3, 3, 0, 0, 2, 1, 1, 3},     //
    {4, 130, 4, 5, 9, 1, 1},                      // more channels than an accumulation block
};

ConvGeometry geometry(const Shape& s) {
  const auto out = [](int64_t size, int64_t pad, int64_t dilation, int64_t kernel) {
    return size + 2 * pad - dilation * (kernel - 1);
  };
  return {s.in_channels,
          s.height,
          s.width,
          s.out_channels,
          out(s.height, s.pad_height, s.dilation_height, s.kernel_height),
          out(s.width, s.pad_width, s.dilation_width, s.kernel_width),
          s.kernel_height,
          s.kernel_width,
          s.pad_height,
          s.pad_width,
          s.dilation_height,
          s.dilation_width};
}

PoolGeometry pool_geometry(const Shape& s, const ConvGeometry& g) {
  if (s.window_height == 0) return {};
  return {s.window_height, s.window_width, g.out_height / s.window_height,
          g.out_width / s.window_width};
}

// Calls f(output, input, weight) with the indices of the operands of each product.
template <typename F>
void for_each_product(const ConvGeometry& g, int64_t images, F f) {
  int64_t output = 0;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t o = 0; o < g.out_channels; ++o) {
      for (int64_t pixel = 0; pixel < g.out_height * g.out_width; ++pixel, ++output) {
        int64_t weight = o * g.in_channels * g.kernel_height * g.kernel_width;
        for (int64_t i = 0; i < g.in_channels; ++i) {
          for (int64_t tap = 0; tap < g.kernel_height * g.kernel_width; ++tap, ++weight) {
            const int64_t row = pixel / g.out_width + tap / g.kernel_width * g.dilation_height -
                                g.pad_height,
                          column = pixel % g.out_width + tap % g.kernel_width * g.dilation_width -
                                   g.pad_width;
            if (row < 0 || row >= g.in_height || column < 0 || column >= g.in_width) continue;
            f(output, ((n * g.in_channels + i) * g.in_height + row) * g.in_width + column, weight);
          }
        }
      }
    }
  }
}

// Calls f(window, element of the window, index of the element) for the windows of planes.
template <typename F>
void for_each_element(const PoolGeometry& p, int64_t planes, int64_t height, int64_t width, F f) {
  int64_t window = 0;
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t i = 0; i < p.out_height * p.out_width; ++i, ++window) {
      for (int64_t k = 0; k < p.window_height * p.window_width; ++k) {
        const int64_t row = i / p.out_width * p.window_height + k / p.window_width,
                      column = i % p.out_width * p.window_width + k % p.window_width;
        f(window, k, (plane * height + row) * width + column);
      }
    }
  }
}

// A convolution, with a pool behind it if it has windows, and what its kernels should give.
template <typename T>
struct Problem {
  ConvGeometry g;
  PoolGeometry p;
  int64_t images, planes, in_image, result_plane, result_image;
  Array<T> x, w, bias, grad;  // of the result
  Indices indices;
  Values convolved, dx, dw;

  explicit Problem(const Shape& s)
      : g(geometry(s)),
        p(pool_geometry(s, g)),
        images(s.images),
        planes(images * g.out_channels),
        in_image(g.in_channels * g.in_height * g.in_width),
        result_plane(pools() ? p.out_height * p.out_width : g.out_height * g.out_width),
        result_image(g.out_channels * result_plane),
        x(random<T>(images * in_image)),
        w(random<T>(g.out_channels * taps())),
        bias(random<T>(g.out_channels)),
        grad(random<T>(images * result_image)),
        convolved(planes * g.out_height * g.out_width),
        dx(x.size()),
        dw(w.size()) {
    for (size_t i = 0; i < convolved.size(); ++i)
      convolved[i] = bias[i / (g.out_height * g.out_width) % g.out_channels];
    for_each_product(g, images, [&](int64_t output, int64_t input, int64_t weight) {
      convolved[output] += double(x[input]) * double(w[weight]);
    });
    Values dy(convolved.size());
    if (pools()) {
      indices.assign(grad.size(), kNoGradient);
      Values best(grad.size(), 0);
      each_element([&](int64_t window, int64_t k, int64_t element) {
        if (convolved[element] <= best[window]) return;
        best[window] = convolved[element];
        indices[window] = uint8_t(k);
      });
      // The ops pass on only what passes the relu.
      for (int64_t i = 0; i < grad.size(); ++i) {
        if (indices[i] == kNoGradient) grad[i] = 0;
      }
      each_element([&](int64_t window, int64_t k, int64_t element) {
        if (indices[window] == k) dy[element] = grad[window];
      });
    } else {
      for (size_t i = 0; i < dy.size(); ++i) dy[i] = grad[i];
    }
    for_each_product(g, images, [&](int64_t output, int64_t input, int64_t weight) {
      dx[input] += dy[output] * double(w[weight]);
      dw[weight] += dy[output] * double(x[input]);
    });
  }

  bool pools() const { return p.window_height > 0; }
  bool pools_pairs() const { return p.window_height == 2 && p.window_width == 2; }
  int64_t taps() const { return g.in_channels * g.kernel_height * g.kernel_width; }
  template <typename F>
  void each_element(F f) const {
    for_each_element(p, planes, g.out_height, g.out_width, f);
  }
  const uint8_t* indices_from(int64_t at) const { return pools() ? indices.data() + at : nullptr; }

  void expect_result(const std::string& name, const Array<T>& result, const Indices& found) const {
    if (!pools()) return expect_close<T>(name, result, convolved);
    Values want(grad.size(), 0), chosen(grad.size(), 0);
    each_element([&](int64_t window, int64_t k, int64_t element) {
      want[window] = std::fmax(want[window], convolved[element]);
      if (found[window] == k) chosen[window] = convolved[element];
    });
    expect_close<T>(name, result, want);
    expect_close<T>(name + " indices", result, chosen);
  }
};

template <typename T>
void check_forward(const std::string& name, const ConvForward<T>& kernel, const Problem<T>& q,
                   int64_t step) {
  Array<T> y(q.images * q.result_image);
  Indices indices(y.size());
  // A single image is cut into slices of channels.
  const bool by_channels = q.images == 1;
  in_parts(by_channels ? q.g.out_channels : q.images, [&](int64_t first, int64_t last) {
    ConvGeometry g = q.g;
    if (by_channels) g.out_channels = last - first;
    const int64_t channel = by_channels ? first : 0, end = by_channels ? 1 : last;
    const ConvMemory memory = kernel.memory(g, q.p);
    Array<T> packed(memory.packed), workspace(memory.workspace);
    kernel.pack(g, q.w + channel * q.taps(), packed);
    for (int64_t image = by_channels ? 0 : first; image < end; image += step) {
      const int64_t at = image * q.result_image + channel * q.result_plane;
      kernel.run({g, q.p, smaller(step, end - image), q.x + image * q.in_image, packed,
                  q.bias + channel, y + at, indices.data() + at, q.result_image, workspace});
    }
  });
  q.expect_result(name, y, indices);
}

// y of the geometry's convolution of x with the filters, `lanes` images at a time; returns whether
// all of it is finite.
template <typename T>
bool convolve(const WinogradForward<T>& kernel, int64_t lanes, const ConvGeometry& g,
              const PoolGeometry& p, int64_t images, const T* x, const Filters<T>& filters,
              const T* bias, T* y, uint8_t* indices) {
  const ConvMemory memory = kernel.memory(g, p);
  const int64_t result_plane =
                    p.window_height > 0 ? p.out_height * p.out_width : g.out_height * g.out_width,
                result_image = g.out_channels * result_plane,
                in_image = g.in_channels * g.in_height * g.in_width;
  Array<T> packed(memory.packed);
  kernel.pack(g, filters, 0, divide_up(g.out_channels, kernel.tile_channels), packed);
  bool is_finite = true;
  in_parts(window_rows(g, p), [&](int64_t first, int64_t last) {
    Array<T> workspace(memory.workspace);
    for (int64_t image = 0; image < images; image += lanes) {
      const int64_t at = image * result_image;
      const uint64_t bad =
          kernel.run({g, p, smaller(lanes, images - image), x + image * in_image, packed, bias,
                      y + at, indices ? indices + at : nullptr, result_image, workspace},
                     {first, last - first});
      if (bad) is_finite = false;
    }
  });
  return is_finite;
}

template <typename T>
void check_winograd(const WinogradForward<T>& kernel, int64_t lanes, const Problem<T>& q) {
  const ConvGeometry& g = q.g;
  const int64_t kernel_size = g.kernel_height * g.kernel_width;
  Array<T> y(q.images * q.result_image);
  Indices indices(y.size());
  expect(convolve<T>(kernel, lanes, g, q.p, q.images, q.x, {q.w, q.taps(), kernel_size, false},
                     q.bias, y, q.pools() ? indices.data() : nullptr),
         "winograd is finite");
  q.expect_result("winograd", y, indices);
  if (q.pools()) return;

  const ConvGeometry transposed{g.out_channels,
                                g.out_height,
                                g.out_width,
                                g.in_channels,
                                g.in_height,
                                g.in_width,
                                g.kernel_height,
                                g.kernel_width,
                                g.kernel_height - 1 - g.pad_height,
                                g.kernel_width - 1 - g.pad_width,
                                1,
                                1};
  Array<T> dx(q.x.size());
  convolve<T>(kernel, lanes, transposed, {}, q.images, q.grad, {q.w, kernel_size, q.taps(), true},
              nullptr, dx, nullptr);
  expect_close<T>("winograd grad_input", dx, q.dx);
}

template <typename T>
void check_winograd_grad_weight(const KernelsOf<T>& table, const Problem<T>& q) {
  const ConvGeometry& g = q.g;
  const auto& kernel = table.conv.winograd_grad_weight;
  const ConvMemory memory = kernel.memory(g, {});
  const int64_t channel = memory.packed / g.out_channels, lanes = table.conv.lanes,
                middle = window_rows(g, {}) / 2;
  Array<T> sums(memory.packed, T(0)), dw(q.w.size());
  in_parts(g.out_channels, [&](int64_t first, int64_t last) {
    const ChannelRange outs{first, last - first};
    T* const of_outs = sums + first * channel;
    Array<T> workspace(memory.workspace);
    for (int64_t image = 0; image < q.images; image += lanes) {
      for (const RowRange& rows : {RowRange{0, middle}, {middle, window_rows(g, {}) - middle}}) {
        if (rows.count == 0) continue;
        kernel.run({g,
                    {},
                    smaller(lanes, q.images - image),
                    q.grad + image * q.result_image,
                    nullptr,
                    q.x + image * q.in_image,
                    of_outs,
                    workspace},
                   outs, rows);
      }
    }
    kernel.unpack(g, outs, of_outs, dw);
  });
  expect_close<T>("winograd grad_weight", dw, q.dw);
}

template <typename T>
void check_grad_input(const std::string& name, const ConvGradInput<T>& kernel, const Problem<T>& q,
                      int64_t step) {
  const ConvMemory memory = kernel.memory(q.g, q.p);
  Array<T> packed(memory.packed), dx(q.x.size());
  kernel.pack(q.g, q.w, packed);
  in_parts(q.images, [&](int64_t first, int64_t last) {
    Array<T> workspace(memory.workspace);
    for (int64_t image = first; image < last; image += step) {
      const int64_t at = image * q.result_image;
      kernel.run({q.g, q.p, smaller(step, last - image), q.grad + at, q.indices_from(at), packed,
                  dx + image * q.in_image, q.in_image, workspace});
    }
  });
  expect_close<T>(name, dx, q.dx);
}

template <typename T>
void check_grad_weight(const std::string& name, const ConvGradWeight<T>& kernel,
                       const Problem<T>& q) {
  const ConvMemory memory = kernel.memory(q.g, q.p);
  Array<T> total(kernel.unpack ? memory.packed : q.w.size(), T(0));
  in_parts(q.images, [&](int64_t first, int64_t last) {
    Array<T> sums(total.size(), T(0)), workspace(memory.workspace);
    const int64_t at = first * q.result_image;
    kernel.run({q.g, q.p, last - first, q.grad + at, q.indices_from(at), q.x + first * q.in_image,
                sums, workspace});
    for (int64_t i = 0; i < total.size(); ++i) total[i] += sums[i];
  });
  Array<T> dw(q.w.size());
  if (kernel.unpack) kernel.unpack(q.g, total, dw);
  expect_close<T>(name, kernel.unpack ? dw : total, q.dw);
}

template <typename T>
void check_convolution(const KernelsOf<T>& table, const Problem<T>& q) {
  const ConvGeometry& g = q.g;
  const auto& k = table.conv;
  check_forward("direct", k.direct_forward, q, 1 + q.images / 2);
  check_forward("channel_lanes", k.channel_lanes_forward, q, 1 + q.images / 2);
  if (!q.pools() || q.pools_pairs())
    check_forward("batch_lanes", k.batch_lanes_forward, q, k.lanes);
  check_grad_input("direct grad_input", k.direct_grad_input, q, q.images);
  if ((g.kernel_width == 3 || g.kernel_width == 5) && g.dilation_width == 1) {
    check_grad_input("batch_lanes grad_input", k.batch_lanes_grad_input, q, k.lanes);
  }
  if (q.pools()) {
    if (g.in_channels >= 5)  // as in csrc/cpu/conv/algorithms.cpp
      check_grad_input("pooled grad_input", k.pooled_grad_input, q, q.images);
    check_grad_weight("pooled grad_weight", k.pooled_grad_weight, q);
  } else {
    check_grad_weight("direct grad_weight", k.direct_grad_weight, q);
  }
  if (g.kernel_height == g.kernel_width && (g.kernel_width == 3 || g.kernel_width == 5) &&
      g.dilation_height == 1 && g.dilation_width == 1 && (!q.pools() || q.pools_pairs())) {
    check_winograd(k.winograd, k.lanes, q);
    if (g.kernel_width == 3) check_winograd(k.winograd_channel_lanes, 1, q);
    if (!q.pools()) check_winograd_grad_weight(table, q);
  }
}

// The kernels that pool a finished convolution, and the bias's gradient.
template <typename T>
void check_pool(const KernelsOf<T>& table, const Problem<T>& q) {
  const auto& k = table.conv;
  const ConvGeometry& g = q.g;
  const int64_t plane = g.out_height * g.out_width;
  Values db(g.out_channels), want_db(g.out_channels);
  k.grad_bias(q.grad, q.images, g.out_channels, q.result_plane, db.data());
  for (int64_t i = 0; i < q.grad.size(); ++i)
    want_db[i / q.result_plane % g.out_channels] += q.grad[i];
  expect_close<T>("grad_bias", db, want_db);
  if (!q.pools()) return;

  Array<T> from(q.convolved.size()), y(q.grad.size()), passed(q.grad.size()), dy(from.size());
  for (int64_t i = 0; i < from.size(); ++i) from[i] = T(q.convolved[i]);
  Indices indices(y.size());
  const Array<T> ones(q.grad.size(), T(1));
  Values want_dy(from.size()), want_passed(q.grad.size());
  q.each_element([&](int64_t window, int64_t index, int64_t element) {
    if (q.indices[window] != index) return;
    want_dy[element] = q.grad[window];
    want_passed[window] = 1;
  });
  for (int64_t i = 0; i < q.planes; ++i) {
    k.relu_pool(q.p, from + i * plane, g.out_width, y + i * q.result_plane,
                indices.data() + i * q.result_plane);
    k.unpool(q.p, q.grad + i * q.result_plane, q.indices_from(i * q.result_plane), g.out_height,
             g.out_width, dy + i * plane);
  }
  q.expect_result("relu_pool", y, indices);
  expect_close<T>("unpool", dy, want_dy);
  k.relu_pool_gradient(ones, q.indices.data(), passed, q.grad.size());
  expect_close<T>("relu_pool_gradient", passed, want_passed);

  // One image, channels last.
  Array<T> image(g.out_channels * plane), pooled(q.result_image);
  Indices places(q.result_image);
  for (int64_t i = 0; i < image.size(); ++i)
    image[i % plane * g.out_channels + i / plane] = from[i];
  k.relu_pool_channels_last(q.p, image, g.out_channels, g.out_width, pooled, places.data());
  for (int64_t i = 0; i < q.result_image; ++i) {
    const int64_t at = i % q.result_plane * g.out_channels + i / q.result_plane;
    y[i] = pooled[at];
    indices[i] = places[at];
  }
  q.expect_result("relu_pool_channels_last", y, indices);
}

// ---- linear layers and matrix products

double activated(double z, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::relu:
      return std::fmax(z, 0);
    case Activation::none:
      break;
  }
  return z;
}

double derivative(double y, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::relu:
      return y > 0;
    case Activation::none:
      break;
  }
  return 1;
}

template <typename T>
void check_linear(const KernelsOf<T>& table, int64_t M, int64_t N, int64_t K,
                  Activation activation) {
  const auto x = random<T>(M * K), w = random<T>(N * K), bias = random<T>(N), dy = random<T>(M * N);
  Values z(M * N), y(M * N), dz(M * N), dx(M * K), dw(N * K), db(N);
  for (int64_t m = 0; m < M; ++m) {
    for (int64_t n = 0; n < N; ++n) {
      const int64_t at = m * N + n;
      for (int64_t k = 0; k < K; ++k) z[at] += double(x[m * K + k]) * double(w[n * K + k]);
      y[at] = activated(z[at] + bias[n], activation);
      dz[at] = dy[at] * derivative(T(y[at]), activation);
      db[n] += dz[at];
      for (int64_t k = 0; k < K; ++k) {
        dx[m * K + k] += dz[at] * w[n * K + k];
        dw[n * K + k] += dz[at] * x[m * K + k];
      }
    }
  }
  Array<T> output(M * N), rounded(M * N), grad_z(M * N), grad_x(M * K);
  for (int64_t i = 0; i < M * N; ++i) rounded[i] = T(y[i]);
  const Matrix<T> rows{x, K, 1}, weights{w, K, 1};

  // x w^T, and w x^T: with a transposed operand on either side.
  const auto transposed = [](const Matrix<T>& m) {
    return Matrix<T>{m.data, m.col_stride, m.row_stride};
  };
  const auto product = [&](const std::string& kind, const Product<T>& whole, const Values& want) {
    Array<T> c(whole.M * whole.N);
    in_parts(whole.M, [&](int64_t first, int64_t last) {
      Product<T> part = whole;
      part.M = last - first;
      part.a.data += first * part.a.row_stride;
      part.c = c + first * whole.N;
      Array<T> workspace(table.gemm_workspace(part.M, part.N, part.K));
      table.gemm(part, workspace);
    });
    expect_close<T>(kind, c, want);
  };
  product("gemm", {M, N, K, rows, transposed(weights), bias, activation, nullptr, N}, y);
  Values transposed_z(M * N);
  for (int64_t i = 0; i < M * N; ++i) transposed_z[i % N * M + i / N] = z[i];
  Array<T> columns(K * N);
  for (int64_t i = 0; i < N * K; ++i) columns[i % K * N + i / K] = w[i];
  product("gemm transposed",
          {N, M, K, {columns, 1, N}, transposed(rows), nullptr, Activation::none, nullptr, M},
          transposed_z);

  in_parts(N, [&](int64_t first, int64_t last) {
    table.few_rows_forward(
        {M, last - first, K, rows, {w + first * K, K, 1}, bias + first, activation}, output + first,
        N);
  });
  expect_close<T>("few_rows", output, y);

  for (int64_t i = 0; i < M * N; ++i) output[i] = T(z[i]);
  table.bias_activation(output, M, N, bias, activation);
  expect_close<T>("bias_activation", output, y);
  table.activation_backward(dy, rounded, activation, grad_z, M * N);
  expect_close<T>("activation_backward", grad_z, dz);
  Values sums(N);
  table.column_sums(grad_z, M, N, sums.data());
  expect_close<T>("column_sums", sums, db);

  if (N > table.narrow_outputs || K > table.narrow_inputs) return;
  Array<T> narrow(M * N);
  Values grad_w(N * K), grad_b(N);
  in_parts(M, [&](int64_t first, int64_t last) {
    const LinearLayer<T> part{last - first, N, K, {x + first * K, K, 1}, weights, bias, activation};
    table.narrow_forward(part, narrow + first * N);
    Values part_w(N * K), part_b(N);
    table.narrow_backward(part, dy + first * N, rounded + first * N, grad_x + first * K,
                          part_w.data(), part_b.data());
    for (int64_t i = 0; i < N * K; ++i) grad_w[i] += part_w[i];
    for (int64_t n = 0; n < N; ++n) grad_b[n] += part_b[n];
  });
  expect_close<T>("narrow", narrow, y);
  expect_close<T>("narrow grad_input", grad_x, dx);
  expect_close<T>("narrow grad_weight", grad_w, dw);
  expect_close<T>("narrow grad_bias", grad_b, db);
}

// ---- losses and a training step

template <typename T>
void check_losses(const KernelsOf<T>& table) {
  constexpr int64_t n = 1003;
  constexpr double scale = 1.0 / n;
  const auto x = random<T>(n, 0), target = random<T>(n, 0), weight = random<T>(n),
             dy = random<T>(n);
  Values loss(n), dx(n), dt(n);
  // There one gradient is infinite, and the other so large that it would hide the rest.
  const auto is_certain = [&](int64_t i) { return x[i] == T(0) || x[i] == T(1); };
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double log_x = std::fmax(std::log(double(x[i])), -100),
                 log_rest = std::fmax(std::log1p(-double(x[i])), -100);
    loss[i] = -(target[i] * log_x + (1 - target[i]) * log_rest) * weight[i];
    sum += loss[i];
    const double factor = double(weight[i]) * dy[i] * scale;
    dx[i] = factor * (x[i] - target[i]) / std::fmax((1 - double(x[i])) * x[i], 1e-12);
    dt[i] = factor * (log_rest - log_x);
    if (is_certain(i)) dx[i] = dt[i] = 0;
  }
  const BceOperands<T> operands{x, target, weight, n};
  unsigned out_of_range = 0;
  Array<T> each(n), grad_x(n), grad_t(n);
  const double total = table.bce_sum(operands, &out_of_range);
  table.bce_each(operands, each, &out_of_range);
  table.bce_backward(operands, dy, 0, scale, grad_x, grad_t);
  for (int64_t i = 0; i < n; ++i) {
    if (is_certain(i)) grad_x[i] = grad_t[i] = 0;
  }
  expect(out_of_range == 0, "bce range");
  expect_close<T>("bce_sum", Values{total}, Values{sum});
  expect_close<T>("bce_each", each, loss);
  expect_close<T>("bce grad_input", grad_x, dx);
  expect_close<T>("bce grad_target", grad_t, dt);
  const Array<T> outside(n, T(1.5));
  table.bce_sum({outside, target, nullptr, n}, &out_of_range);
  expect(out_of_range == kInputOutOfRange, "bce_sum out of range");
  table.bce_each({x, outside, nullptr, n}, each, &out_of_range);
  expect(out_of_range == (kInputOutOfRange | kTargetOutOfRange), "bce_each out of range");

  for (const int64_t classes : {2, 10, 37}) {
    constexpr int64_t rows = 13;
    const auto logits = random<T>(rows * classes, -640, 640);
    std::vector<int64_t> labels(rows);
    Values grad(rows * classes);
    double want = 0;
    int64_t want_correct = 0, correct = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const T* const row = logits + r * classes;
      labels[r] = r * 5 % classes;
      double exponentials = 0;
      int64_t largest = 0;
      for (int64_t j = 0; j < classes; ++j) {
        exponentials += std::exp(double(row[j]));
        if (row[j] > row[largest]) largest = j;
      }
      want += std::log(exponentials) - row[labels[r]];
      want_correct += largest == labels[r];
      for (int64_t j = 0; j < classes; ++j)
        grad[r * classes + j] = std::exp(double(row[j])) / exponentials - (j == labels[r]);
    }
    Array<T> got_grad(rows * classes);
    const double got =
        table.cross_entropy(logits, labels.data(), rows, classes, T(1), got_grad, &correct);
    const std::string which = "cross_entropy of " + std::to_string(classes);
    expect_close<T>(which, Values{got}, Values{want});
    expect_close<T>(which + " gradient", got_grad, grad);
    expect(correct == want_correct, which + " correct");
  }

  const Sgd settings{0.125, 0.5, 0.25};
  Values w(n), velocity(n);
  Array<T> new_w(n), new_velocity(n);
  for (int64_t i = 0; i < n; ++i) {
    new_w[i] = x[i];
    new_velocity[i] = target[i];
    velocity[i] = settings.momentum * target[i] + dy[i] + settings.weight_decay * x[i];
    w[i] = x[i] - settings.lr * velocity[i];
  }
  table.sgd(new_w, dy, new_velocity, n, settings);
  expect_close<T>("sgd", new_w, w);
  expect_close<T>("sgd velocity", new_velocity, velocity);

  Array<T> finite(n, T(1));
  expect(table.all_finite(finite, n), "all_finite");
  for (const int64_t at : {int64_t(0), n - 1}) {
    finite[at] = std::numeric_limits<T>::infinity();
    expect(!table.all_finite(finite, n), "all_finite with an infinity");
    finite[at] = T(1);
  }
  expect(std::isfinite(table.fma_rounds(3)), "fma_rounds");
}

template <typename T>
void check_all(const std::string& dtype, const KernelsOf<T>& table) {
  for (const Shape& shape : kConvolutions) {
    const Problem<T> problem(shape);
    subject = dtype + " convolution " + std::to_string(&shape - std::begin(kConvolutions));
    for (const int n : {2, 1}) {
      parts = n;
      check_convolution(table, problem);
    }
    check_pool(table, problem);
  }
  constexpr int64_t kLayers[][3] = {{1, 1, 1},    {5, 7, 3},     {131, 8, 6},   {70, 3, 16},
                                    {13, 33, 70}, {64, 65, 129}, {30, 37, 600}, {3, 10, 300}};
  for (const auto& [M, N, K] : kLayers) {
    for (const auto activation : {Activation::none, Activation::sigmoid, Activation::relu}) {
      subject = dtype + " linear " + std::to_string(M) + "x" + std::to_string(K) + "->" +
                std::to_string(N) + " with activation " + std::to_string(int(activation));
      for (const int n : {2, 1}) {
        parts = n;
        check_linear(table, M, N, K, activation);
      }
    }
  }
  subject = dtype;
  check_losses(table);
}

}  // namespace

int main() {
  const Kernels& kernels = *inkgrad_cpu_kernels();
  check_all("float32", kernels.f32);
  check_all("float64", kernels.f64);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
