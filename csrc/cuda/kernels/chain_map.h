// The layout of shared memory in the training step of a small chain (chain.cu). Without CUDA, as
// index.h.
//
// Units are grouped in levels: level 0 are the inputs, level l + 1 the outputs of layer l.
#pragma once

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

struct ChainMap {
  int width;  // units of an example, from one row of the tile to the next
  int unit_at[kMaxChainLayers + 1];
  Divider by_level[kMaxChainLayers + 1];  // division by a level's units
  // Each layer stores its weights, chain_pitch() per row, then its bias.
  int weight_at[kMaxChainLayers];
  int weights;
  // Gradients of each layer, a copy for each group of threads.
  int sum_at[kMaxChainLayers], groups[kMaxChainLayers];
  int sums;
  int rows;  // examples of a tile
};

// Distance between the weights of two outputs: odd, to avoid bank conflicts.
INKGRAD_HD int chain_pitch(int inputs) { return inputs | 1; }

// Gradients of a layer: for each output its weights, then its bias.
INKGRAD_HD int chain_gradients(const ChainLayer& layer) {
  return layer.outputs * (layer.inputs + 1);
}

inline constexpr int kChainMinRows = 16;

// rows is 0 if the chain does not fit.
inline ChainMap chain_map(const ChainPass& pass) {
  constexpr int kMaxGroups = 16;
  // Every device has 48 KB; the remainder holds the sum of the losses (sum_columns).
  constexpr int64_t kBytes = 45 * 1024;
  ChainMap map{};
  map.unit_at[0] = 0;
  map.by_level[0] = divider(pass.layer[0].inputs);
  map.width = pass.layer[0].inputs;
  for (int l = 0; l < pass.layers; ++l) {
    const ChainLayer& layer = pass.layer[l];
    map.unit_at[l + 1] = map.width;
    map.by_level[l + 1] = divider(layer.outputs);
    map.width += layer.outputs;
    map.weight_at[l] = map.weights;
    map.weights += layer.outputs * (chain_pitch(layer.inputs) + 1);
    const int gradients = chain_gradients(layer), groups = kThreads / gradients;
    map.groups[l] = groups < 1 ? 1 : groups > kMaxGroups ? kMaxGroups : groups;
    map.sum_at[l] = map.sums;
    map.sums += gradients * map.groups[l];
  }
  const int64_t left = kBytes - int64_t(sizeof(double)) * map.sums - 4 * int64_t(map.weights);
  const int64_t rows = left / (4 * int64_t(map.width));
  map.rows = rows < kChainMinRows ? 0 : rows > kThreads ? kThreads : int(rows);
  return map;
}

inline int64_t chain_shared_bytes(const ChainMap& map) {
  return int64_t(sizeof(double)) * map.sums + 4 * (map.weights + int64_t(map.rows) * map.width);
}

inline bool is_small_chain(const ChainPass& pass) {
  constexpr int kMaxUnits = 128;  // of a level
  if (pass.layers < 1 || pass.layers > kMaxChainLayers) return false;
  for (int l = 0; l < pass.layers; ++l) {
    const ChainLayer& layer = pass.layer[l];
    if (layer.inputs < 1 || layer.inputs > kMaxUnits || layer.outputs < 1 ||
        layer.outputs > kMaxUnits || (l > 0 && layer.inputs != pass.layer[l - 1].outputs)) {
      return false;
    }
  }
  return chain_map(pass).rows > 0;
}

}  // namespace inkgrad::cuda
