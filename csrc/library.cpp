// Registers the schema of every op, and its formula for all backends without a kernel of ours.
#include <torch/library.h>

#include "ops.h"

TORCH_LIBRARY(inkgrad, m) {
  inkgrad::for_each_op([&m](auto op) { m.def(op.schema, {at::Tag::pt2_compliant_tag}); });
}

namespace {

void register_formulas(torch::Library& m) {
  inkgrad::for_each_op([&m](auto op) { m.impl(op.name, op.formula); });
}

}  // namespace

TORCH_LIBRARY_IMPL(inkgrad, CompositeExplicitAutograd, m) { register_formulas(m); }
TORCH_LIBRARY_IMPL(inkgrad, NestedTensorCPU, m) { register_formulas(m); }
TORCH_LIBRARY_IMPL(inkgrad, NestedTensorCUDA, m) { register_formulas(m); }
// Never run by a call, because kernels and formulas are registered above: the decomposition that
// torch.export, FlopCounterMode, DTensor and other tensors and modes use (OpOverload.decompose).
TORCH_LIBRARY_IMPL(inkgrad, CompositeImplicitAutograd, m) { register_formulas(m); }
// Under vmap too: torch has batching rules for its own ops. (Batched is the older vmap behind
// is_grads_batched.)
TORCH_LIBRARY_IMPL(inkgrad, FuncTorchBatched, m) { register_formulas(m); }
TORCH_LIBRARY_IMPL(inkgrad, Batched, m) { register_formulas(m); }
