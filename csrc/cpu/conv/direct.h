// Convolutions and their gradients by the direct kernels (kernels/conv/direct_*, *_lanes_*).
#pragma once

#include "algorithms.h"

namespace inkgrad::cpu {

// Pixels in lanes; images in lanes, the last ones of a batch pixels; output channels in lanes.
std::vector<ImageRange> direct_forward(const ConvProblem& p, const ForwardTensors& t,
                                       const ConvMemory& memory);
std::vector<ImageRange> batch_lanes_forward(const ConvProblem& p, const ForwardTensors& t,
                                            const ConvMemory& memory);
std::vector<ImageRange> channel_lanes_forward(const ConvProblem& p, const ForwardTensors& t,
                                              const ConvMemory& memory);

// The input's gradient from that of the output or of the pooled output.
Tensor direct_grad_input(const ConvProblem& p, const BackwardTensors& t, const ConvMemory& memory);
Tensor batch_lanes_grad_input(const ConvProblem& p, const BackwardTensors& t,
                              const ConvMemory& memory);

// The gradients in the mask, without a pool; plan: the choices for them. Reported as `op`'s.
Gradients3 direct_backward(const char* op, const ConvProblem& p, const BackwardTensors& t,
                           const BackwardPlan& plan, std::array<bool, 3> output_mask);

// The bias's gradient: sums over planes of the gradient, pooled or not.
Tensor direct_grad_bias(const ConvProblem& p, const Tensor& grad);

}  // namespace inkgrad::cpu
