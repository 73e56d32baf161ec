// Winograd convolutions and their gradients (kernels/conv/winograd_*), among threads.
#pragma once

#include "algorithms.h"

namespace inkgrad::cpu {

// Returns the images that do not fill a vector, and those with a result that is not finite, which
// might be NaN instead of infinite.
std::vector<ImageRange> winograd_forward(const ConvProblem& p, const ForwardTensors& t,
                                         const ConvMemory& memory);

// The same with one image at a time.
std::vector<ImageRange> winograd_channel_lanes_forward(const ConvProblem& p,
                                                       const ForwardTensors& t,
                                                       const ConvMemory& memory);

// Undefined if a gradient is not finite.
Tensor winograd_grad_input(const ConvProblem& p, const BackwardTensors& t,
                           const ConvMemory& memory);
Tensor winograd_channel_lanes_grad_input(const ConvProblem& p, const BackwardTensors& t,
                                         const ConvMemory& memory);
Tensor winograd_grad_weight(const ConvProblem& p, const BackwardTensors& t,
                            const ConvMemory& memory);

// The convolution that gives the gradient of the input from that of the output.
ConvProblem transposed_problem(const ConvProblem& p);

}  // namespace inkgrad::cpu
