#include "pooled_gradient.h"

#include <ATen/ops/empty.h>

#include "../finite.h"
#include "schedule.h"

namespace inkgrad::cpu {

Tensor sparse_grad_input(const ConvProblem& p, const BackwardTensors& t, const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    if (!all_finite(t.weight) || !all_finite(t.grad)) return Tensor();
    const auto& g = p.conv;
    const Tensor packed = at::empty({memory.packed}, t.weight.options());
    k.pooled_grad_input.pack(g, t.weight.const_data_ptr<T>(), packed.mutable_data_ptr<T>());
    const Tensor result = new_tensor({p.images, g.in_channels, g.in_height, g.in_width}, p.dtype);
    const T *const dy = t.grad.const_data_ptr<T>(), *const w = packed.const_data_ptr<T>();
    const uint8_t* const indices = t.indices.const_data_ptr<uint8_t>();
    T* const dx = result.mutable_data_ptr<T>();
    Tiles(p, 1, 1, 1).for_each<T>(memory.workspace, [&](const Tile& tile, T* workspace) {
      const int64_t grad = tile.image * p.result_image();
      k.pooled_grad_input.run({g, p.pool, tile.images, dy + grad, indices + grad, w,
                               dx + tile.image * p.in_image(), p.in_image(), workspace});
    });
    return result;
  });
}

Tensor sparse_grad_weight(const ConvProblem& p, const BackwardTensors& t,
                          const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    if (!all_finite(t.input)) return Tensor();
    const T *const dy = t.grad.const_data_ptr<T>(), *const x = t.input.const_data_ptr<T>();
    const uint8_t* const indices = t.indices.const_data_ptr<uint8_t>();
    const GroupSums<T> sums(p, memory.packed);
    for_each_group(p, [&](int64_t group, int64_t first, int64_t images) {
      const int64_t grad = first * p.result_image();
      k.pooled_grad_weight.run({p.conv, p.pool, images, dy + grad, indices + grad,
                                x + first * p.in_image(), sums.of(group),
                                scratch_of<T>(memory.workspace)});
    });
    const Tensor result = at::empty(t.weight.sizes(), t.grad.options());
    k.pooled_grad_weight.unpack(p.conv, sums.total().template const_data_ptr<T>(),
                                result.mutable_data_ptr<T>());
    return result;
  });
}

}  // namespace inkgrad::cpu
