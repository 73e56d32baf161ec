// Convolutions of a batch by Winograd's filtering, among threads.
#pragma once

#include "convolution.h"

namespace inkgrad::cpu {

// Images of a batch, in order.
class ImageRanges {
 public:
  struct Range {
    int64_t first, count;
    Tensor of(const Tensor& t) const { return t.narrow(0, first, count); }
  };
  void add(int64_t first, int64_t count);
  bool empty() const { return ranges_.empty(); }
  auto begin() const { return ranges_.begin(); }
  auto end() const { return ranges_.end(); }

 private:
  std::vector<Range> ranges_;
};

// Whether Winograd's filtering is quicker than the direct kernels and torch's, of most images at
// least.
template <typename T>
bool prefers_winograd(const Convolution& c, const PoolGeometry& pool);

// The convolution into output, [N, OC, OH, OW], but for the images that are returned: those that
// are too few for a vector, and those with a result that is not finite, which might be NaN instead
// of infinite.
template <typename T>
ImageRanges winograd_forward(const Convolution& c, const Tensor& input, const Tensor& weight,
                             const OptionalTensor& bias, const Tensor& output);

// The same with relu(max_pool2d(.)) behind it, [N, OC, PH, PW], and the places of the maxima.
template <typename T>
ImageRanges winograd_relu_pool_forward(const Convolution& c, const PoolGeometry& pool,
                                       const Tensor& input, const Tensor& weight,
                                       const OptionalTensor& bias, const Tensor& output,
                                       const Tensor& indices);

// The gradient of the input, if all of it is finite, where it comes this way.
template <typename T>
bool winograd_takes_grad_input(const Convolution& c);
template <typename T>
Tensor winograd_grad_input(const Convolution& c, const Tensor& grad, const Tensor& weight);

// The gradient of the weight, if it comes this way and all of it is finite.
template <typename T>
Tensor winograd_grad_weight(const Convolution& c, const Tensor& grad, const Tensor& input);

}  // namespace inkgrad::cpu
