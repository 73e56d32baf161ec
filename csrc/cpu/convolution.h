// What the tensor entry points of the convolutions share: which problems the direct kernels take,
// and how the work is shared out. No result depends on the number of threads.
#pragma once

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "../common/conv_checks.h"
#include "../ops.h"
#include "runtime.h"

namespace inkgrad::cpu {

struct Convolution {
  int64_t images;
  ConvGeometry geometry;
  int64_t in_image() const { return geometry.in_channels * geometry.in_height * geometry.in_width; }
  int64_t out_plane() const { return geometry.out_height * geometry.out_width; }
  int64_t out_image() const { return geometry.out_channels * out_plane(); }
  // Weights of one output channel.
  int64_t taps() const {
    return geometry.in_channels * geometry.kernel_height * geometry.kernel_width;
  }
  int64_t operations_per_image() const { return 2 * out_image() * taps(); }
};

// The geometry, if the direct kernels take it, once input and weight are row-major.
std::optional<Convolution> plain_convolution(const Tensor& input, const Tensor& weight,
                                             const OptionalTensor& bias, IntArrayRef stride,
                                             IntArrayRef padding, IntArrayRef dilation,
                                             int64_t groups);
// Whether the direct kernels are a better choice than torch's convolution: both ways, forward, and
// with a pool behind it.
bool prefers_direct(const Convolution& c);
bool prefers_direct_forward(const Convolution& c);
bool prefers_direct_pooled(const Convolution& c);

template <typename T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

// ---- images and channels among threads

// Whether so many images are worth the lanes that they leave idle.
inline bool fills_lanes(int64_t images, int64_t lanes) {
  return lanes > 1 && 4 * images >= 3 * lanes;
}

// How many images a kernel should take at a time, abreast: as many as a vector has lanes, or 1 if
// that would leave too many of them idle or if `elements` of workspace were too many for the
// caches.
template <typename T>
int64_t images_at_once(const Convolution& c, int64_t elements) {
  constexpr int64_t kMostBytes = 4 << 20;
  const int64_t lanes = kernels()->of<T>().batch_lanes;
  return fills_lanes(c.images, lanes) && elements * int64_t(sizeof(T)) <= kMostBytes ? lanes : 1;
}

// Some images of a batch, and of each the channels begin .. end.
struct Piece {
  int64_t image, images;
  bool abreast;
  int64_t share, begin, end;
  int64_t channels() const { return end - begin; }
};

// A batch in pieces: so many images at a time, and where that makes fewer pieces than there are
// threads, a share of the channels of each.
class Pieces {
 public:
  Pieces(const Convolution& c, int64_t at_once, int64_t channels, int64_t fewest_channels)
      : images_(c.images),
        at_once_(at_once),
        channels_(channels),
        batches_((images_ + at_once - 1) / at_once),
        operations_(c.operations_per_image() * at_once) {
    const int64_t wanted = (at::get_num_threads() + batches_ - 1) / batches_;
    shares_ = std::max<int64_t>(
        std::min({wanted, channels / fewest_channels, operations_ / kGrainOperations}), 1);
  }
  int64_t shares() const { return shares_; }
  int64_t count() const { return batches_ * shares_; }
  // Whether there is a piece whose images are taken one by one.
  bool any_alone() const { return !piece((batches_ - 1) * shares_).abreast; }
  Piece piece(int64_t k) const {
    const int64_t image = k / shares_ * at_once_, share = k % shares_;
    const int64_t images = std::min(at_once_, images_ - image);
    return {image,
            images,
            fills_lanes(images, at_once_),
            share,
            share * channels_ / shares_,
            (share + 1) * channels_ / shares_};
  }
  // Calls f(piece, workspace of that many elements) for each, in parallel.
  template <typename T, typename F>
  void for_each(int64_t elements, F f) const {
    const int64_t grain = kGrainOperations * shares_ / operations_ + 1;
    at::parallel_for(0, count(), grain, [&](int64_t begin, int64_t end) {
      T* const workspace = scratch_of<T>(elements);
      for (int64_t k = begin; k < end; ++k) f(piece(k), workspace);
    });
  }

 private:
  int64_t images_, at_once_, channels_, batches_, operations_, shares_;
};

// Sums over groups of images, each into its own buffer, which are added in order.
template <typename T>
class GroupSums {
 public:
  GroupSums(const Convolution& c, IntArrayRef sizes, at::TensorOptions options)
      : sizes_(sizes.vec()),
        parts_(at::zeros({count(c), c10::multiply_integers(sizes)}, options)),
        sums_(parts_.template mutable_data_ptr<T>()) {}
  static int64_t count(const Convolution& c) { return std::min(c.images, kMaxGroups); }
  T* of(int64_t group) const { return sums_ + group * parts_.size(1); }
  Tensor total() const {
    const int64_t size = parts_.size(1);
    for (int64_t group = 1; group < parts_.size(0); ++group) {
      const T* const part = of(group);
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) sums_[i] += part[i];
    }
    return parts_[0].view(sizes_);
  }

 private:
  std::vector<int64_t> sizes_;
  Tensor parts_;
  T* sums_;
};

// Calls f(group, its first image, images), in parallel.
template <typename F>
void for_each_group(const Convolution& c, F f) {
  const int64_t groups = GroupSums<float>::count(c);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t n = group * c.images / groups, last = (group + 1) * c.images / groups;
      f(group, n, last - n);
    }
  });
}

}  // namespace inkgrad::cpu
