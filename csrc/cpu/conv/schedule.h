// How the work of a convolution is divided among threads. No result depends on their number.
#pragma once

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "problem.h"

namespace inkgrad::cpu {

// Whether so many images in lanes leave at most a quarter of the lanes idle.
inline bool fills_lanes(int64_t images, int64_t lanes) {
  return lanes > 1 && 4 * images >= 3 * lanes;
}

// Some images of a batch, and of each a slice of its channels.
struct Tile {
  int64_t image, images;
  bool in_lanes;  // or one image after the other
  int64_t slice, begin, end;
  int64_t channels() const { return end - begin; }
};

// A batch in tiles of up to `step` images, each cut into slices of at least `min_channels` channels
// if that leaves fewer tiles than threads.
class Tiles {
 public:
  Tiles(const ConvProblem& p, int64_t step, int64_t channels, int64_t min_channels)
      : images_(p.images),
        step_(step),
        channels_(channels),
        steps_(at::divup(p.images, step)),
        operations_(p.operations_per_image() * step) {
    const int64_t wanted = at::divup(p.threads, steps_);
    slices_ = std::max<int64_t>(
        std::min({wanted, channels / min_channels, operations_ / kGrainOperations}), 1);
  }
  int64_t slices() const { return slices_; }
  int64_t count() const { return steps_ * slices_; }
  // Whether the last images do not fill the lanes.
  bool any_single() const { return !tile(count() - 1).in_lanes; }
  Tile tile(int64_t k) const {
    const int64_t image = k / slices_ * step_, slice = k % slices_;
    const int64_t images = std::min(step_, images_ - image);
    return {image,
            images,
            fills_lanes(images, step_),
            slice,
            slice * channels_ / slices_,
            (slice + 1) * channels_ / slices_};
  }
  // Calls f(tile, workspace of that many elements) for each, in parallel.
  template <typename T, typename F>
  void for_each(int64_t workspace, F f) const {
    const int64_t grain = kGrainOperations * slices_ / operations_ + 1;
    parallel_for(0, count(), grain, [&](int64_t begin, int64_t end) {
      T* const memory = scratch_of<T>(workspace);
      for (int64_t k = begin; k < end; ++k) f(tile(k), memory);
    });
  }

 private:
  int64_t images_, step_, channels_, steps_, operations_, slices_;
};

// Weight and bias gradients are summed over groups of images, which are added in order.
inline int64_t group_count(const ConvProblem& p) { return std::min(p.images, kMaxGroups); }

// Calls f(group, its first image, images), in parallel.
template <typename F>
void for_each_group(const ConvProblem& p, F f) {
  const int64_t groups = group_count(p);
  parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t first = group * p.images / groups, last = (group + 1) * p.images / groups;
      f(group, first, last - first);
    }
  });
}

// A sum for each group.
template <typename T>
class GroupSums {
 public:
  GroupSums(const ConvProblem& p, int64_t size)
      : sums_(at::zeros({group_count(p), size}, at::CppTypeToScalarType<T>::value)),
        data_(sums_.template mutable_data_ptr<T>()) {}
  T* of(int64_t group) const { return data_ + group * sums_.size(1); }
  Tensor total() const {
    const int64_t size = sums_.size(1);
    for (int64_t group = 1; group < sums_.size(0); ++group) {
      const T* const sum = of(group);
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) data_[i] += sum[i];
    }
    return sums_[0];
  }

 private:
  Tensor sums_;
  T* data_;
};

}  // namespace inkgrad::cpu
