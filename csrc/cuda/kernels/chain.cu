// A training step of a small chain of linear layers in one launch: forward, loss, backward, update.
//
// A single block: a step of such a model is some ten thousand multiplications, which take one block
// a few microseconds. Every further launch would cost as much again, and sums across blocks need
// one. Weights, activations and sums stay in shared memory; examples are processed in tiles. The
// order of sums depends only on the chain's sizes, so that the same step gives the same bits.
#include "chain_map.h"
#include "device.cuh"
#include "entries.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

// Splits element i of a tile into its row and its unit of the level.
struct Unit {
  int row, unit;

  __device__ Unit(int i, const Divider& by_level) {
    uint32_t rest;
    row = int(by_level.divide(uint32_t(i), &rest));
    unit = int(rest);
  }
};

__global__ void __launch_bounds__(kThreads)
    chain_kernel(const __grid_constant__ ChainPass pass, const __grid_constant__ ChainMap map,
                 double* report) {
  extern __shared__ float4 shared[];  // sums, weights, units
  double* const sums = reinterpret_cast<double*>(shared);
  float* const weights = reinterpret_cast<float*>(sums + map.sums);
  float* const units = weights + map.weights;
  const bool learns = pass.action != ChainAction::evaluate;

  for (int l = 0; l < pass.layers; ++l) {
    const ChainLayer& layer = pass.layer[l];
    const int pitch = chain_pitch(layer.inputs), size = layer.inputs * layer.outputs;
    float* const to = weights + map.weight_at[l];
    for (int i = threadIdx.x; i < size; i += kThreads) {
      const Unit at(i, map.by_level[l]);
      to[at.row * pitch + at.unit] = layer.weight[i];
    }
    for (int n = threadIdx.x; n < layer.outputs; n += kThreads) {
      to[layer.outputs * pitch + n] = layer.bias ? layer.bias[n] : 0.0f;
    }
  }
  if (learns) {
    for (int i = threadIdx.x; i < map.sums; i += kThreads) sums[i] = 0;
  }

  const int inputs = pass.layer[0].inputs, outputs = pass.layer[pass.layers - 1].outputs;
  const auto example_of = [&](int64_t i) { return pass.rows ? __ldg(pass.rows + i) : i; };
  const auto is_there = [&](int64_t example) { return example >= 0 && example < pass.examples; };
  const float scale = static_cast<float>(1 / pass.divisor);
  double loss = 0, right = 0;
  bool bad_row = false, bad_target = false;
  for (int64_t begin = 0; begin < pass.count; begin += map.rows) {
    const int rows = int(pass.count - begin < map.rows ? pass.count - begin : map.rows);
    __syncthreads();  // the previous tile has been read
    for (int i = threadIdx.x; i < rows * inputs; i += kThreads) {
      const Unit at(i, map.by_level[0]);
      const int64_t example = example_of(begin + at.row);
      float value = 0;
      if (!is_there(example)) {
        bad_row = true;
      } else if (pass.inputs_are_bytes) {
        const uint8_t* const from = static_cast<const uint8_t*>(pass.inputs);
        value = float(__ldg(from + example * inputs + at.unit)) / 255.0f;
      } else {
        value = __ldg(static_cast<const float*>(pass.inputs) + example * inputs + at.unit);
      }
      units[at.row * map.width + at.unit] = value;
    }
    __syncthreads();

    for (int l = 0; l < pass.layers; ++l) {
      const ChainLayer& layer = pass.layer[l];
      const float* const in = units + map.unit_at[l];
      float* const out = units + map.unit_at[l + 1];
      const float* const own = weights + map.weight_at[l];
      const int pitch = chain_pitch(layer.inputs);
      for (int i = threadIdx.x; i < rows * layer.outputs; i += kThreads) {
        const Unit at(i, map.by_level[l + 1]);
        float sum = 0;
#pragma unroll 4
        for (int k = 0; k < layer.inputs; ++k) {
          sum = fmaf(in[at.row * map.width + k], own[at.unit * pitch + k], sum);
        }
        const float bias = own[layer.outputs * pitch + at.unit];
        out[at.row * map.width + at.unit] = activate(sum + bias, layer.activation);
      }
      __syncthreads();
    }

    // The outputs become the gradients of the last activation's input.
    float* const last = units + map.unit_at[pass.layers];
    for (int i = threadIdx.x; i < rows * outputs; i += kThreads) {
      const Unit at(i, map.by_level[pass.layers]);
      const int64_t example = example_of(begin + at.row);
      if (!is_there(example)) continue;
      float& unit = last[at.row * map.width + at.unit];
      const float y = unit, target = __ldg(pass.targets + example * outputs + at.unit);
      bad_target = bad_target || !in_unit_interval(target);
      loss += in_unit_interval(y) ? bce_loss(log_pair(y), target) : NAN;
      right += (y > 0.5f) == (target > 0.5f);
      if (learns) {
        unit = activate_backward(scale * bce_grad_input(y, target), y,
                                 pass.layer[pass.layers - 1].activation);
      }
    }
    if (!learns) continue;
    __syncthreads();

    for (int l = pass.layers - 1; l >= 0; --l) {
      const ChainLayer& layer = pass.layer[l];
      float* const in = units + map.unit_at[l];
      const float* const grads = units + map.unit_at[l + 1];
      const int gradients = chain_gradients(layer), groups = map.groups[l];
      for (int i = threadIdx.x; i < gradients * groups; i += kThreads) {
        const int group = i / gradients, gradient = i % gradients;
        const int n = gradient / (layer.inputs + 1), k = gradient % (layer.inputs + 1);
        float sum = 0;
#pragma unroll 4
        for (int row = group; row < rows; row += groups) {
          const float factor = k < layer.inputs ? in[row * map.width + k] : 1.0f;
          sum = fmaf(grads[row * map.width + n], factor, sum);
        }
        sums[map.sum_at[l] + i] += sum;  // of every tile by the same thread
      }
      if (l == 0) break;
      __syncthreads();  // before gradients overwrite the inputs
      const float* const own = weights + map.weight_at[l];
      const int pitch = chain_pitch(layer.inputs);
      for (int i = threadIdx.x; i < rows * layer.inputs; i += kThreads) {
        const Unit at(i, map.by_level[l]);
        float sum = 0;
#pragma unroll 4
        for (int n = 0; n < layer.outputs; ++n) {
          sum = fmaf(grads[at.row * map.width + n], own[n * pitch + at.unit], sum);
        }
        float& unit = in[at.row * map.width + at.unit];
        unit = activate_backward(sum, unit, pass.layer[l - 1].activation);
      }
      __syncthreads();
    }
  }

  const bool any_bad_row = __syncthreads_or(bad_row);
  const bool any_bad_target = __syncthreads_or(bad_target);
  loss = sum_columns(loss, 1) / pass.divisor;  // in thread 0
  __syncthreads();
  right = sum_columns(right, 1);
  const bool is_finite = !__syncthreads_or(threadIdx.x == 0 && !isfinite(loss));
  if (threadIdx.x == 0) {
    report[kChainLoss] = loss;
    report[kChainCorrect] = right;
    report[kChainBadRows] = any_bad_row;
    report[kChainBadTargets] = any_bad_target;
  }
  if (!learns || any_bad_row || any_bad_target || !is_finite) return;

  for (int l = 0; l < pass.layers; ++l) {
    const ChainLayer& layer = pass.layer[l];
    const int gradients = chain_gradients(layer);
    for (int i = threadIdx.x; i < gradients; i += kThreads) {
      const int n = i / (layer.inputs + 1), k = i % (layer.inputs + 1);
      const bool is_bias = k == layer.inputs;
      float* const grads = is_bias ? layer.bias_grad : layer.weight_grad;
      if (!grads) continue;  // frozen, or no bias
      double sum = 0;
      for (int group = 0; group < map.groups[l]; ++group) {
        sum += sums[map.sum_at[l] + group * gradients + i];
      }
      const int at = is_bias ? n : n * layer.inputs + k;
      const float grad = static_cast<float>(sum);
      grads[at] = grad;
      if (pass.action != ChainAction::step) continue;
      float& value = (is_bias ? layer.bias : layer.weight)[at];
      float step = fmaf(pass.weight_decay, value, grad);
      if (pass.momentum != 0) {
        float& velocity = (is_bias ? layer.bias_velocity : layer.weight_velocity)[at];
        step = velocity = fmaf(pass.momentum, velocity, step);
      }
      value = fmaf(-pass.lr, step, value);
    }
  }
}

void run(const ChainPass& pass, double* report, void* stream) {
  const ChainMap map = chain_map(pass);
  chain_kernel<<<1, kThreads, chain_shared_bytes(map), as_stream(stream)>>>(pass, map, report);
  INKGRAD_LAUNCH_CHECK();
}

const Entries entries([](Kernels& table) {
  table.chain_supports = is_small_chain;
  table.chain_pass = run;
});

}  // namespace
}  // namespace inkgrad::cuda
