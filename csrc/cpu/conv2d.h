// The CPU's conv2d, for the op with a pool.
#pragma once

#include "../common/conv_options.h"
#include "../ops.h"
#include "conv/algorithms.h"

namespace inkgrad::cpu {

Tensor conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
              const ConvOptions& options);

// By the algorithm of the choice and, for the images that it leaves, by those after it. Reported as
// `op`'s.
void run_forward(const char* op, const ConvProblem& p, const ForwardTensors& t,
                 const ForwardChoice& choice);

// The gradients in the mask. Reported as `op`'s.
Gradients3 conv2d_backward(const char* op, const Tensor& grad_output, const Tensor& input,
                           const Tensor& weight, const ConvOptions& options,
                           std::array<bool, 3> output_mask);

// The bias, contiguous; undefined without one.
inline Tensor contiguous_bias(const OptionalTensor& bias) {
  return bias.has_value() && bias->defined() ? bias->contiguous() : Tensor();
}

}  // namespace inkgrad::cpu
