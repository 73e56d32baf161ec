"""The transform matrix: every op under every transform of torch.func gives native's answer.

The error to fear is silence: a transform that an op does not know gives zeros, not an exception.
So native's answer is also asserted to be nonzero.
"""

import pytest
import torch
import torch.autograd.forward_ad as fwAD
import torch.utils._pytree as pytree
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from comparing import assert_close
from inkgrad.check.derivatives import noise
from inkgrad.check.ops import OPS, Case, bind

# Hessians grow with the square of the inputs: a few small cases that use every argument.
CASES = {
    "linear_sigmoid": [
        Case("bias", ((4, 3), (2, 3), (2,))),
        Case("no bias, three dimensions", ((2, 2, 3), (2, 3))),
    ],
    "linear_relu": [
        Case("bias", ((4, 3), (2, 3), (2,))),
        Case("one sample", ((3,), (2, 3), (2,))),
    ],
    "binary_cross_entropy": [
        Case("mean", ((3, 2), (3, 2))),
        Case("none, weight", ((3, 2), (3, 2), (2,)), {"reduction": "none"}),
        Case("sum, weight", ((3, 2), (3, 2), (3, 2)), {"reduction": "sum"}),
    ],
    "conv2d": [
        Case("bias", ((2, 2, 4, 4), (2, 2, 2, 3), (2,))),
        Case("stride, groups", ((1, 2, 5, 4), (2, 1, 2, 2)), {"groups": 2, "stride": (2, 1)}),
        Case("same, unbatched", ((1, 4, 4), (2, 1, 3, 2), (2,)), {"padding": "same"}),
    ],
    "conv2d_relu_max_pool2d": [
        Case("bias", ((2, 2, 5, 4), (2, 2, 2, 3), (2,))),
        Case("padding", ((1, 1, 5, 5), (2, 1, 2, 2)), {"padding": 1, "kernel_size": 3}),
    ],
}


class Call:
    """A bound op, its inputs, and which of them may be differentiated."""

    def __init__(self, function, inputs, differentiable):
        self.function = function
        self.inputs = inputs
        self.argnums = tuple(range(min(differentiable, len(inputs))))

    def scalar(self, *inputs):
        """A nonlinear scalar of the output: its gradients are not constant."""
        return (self.function(*inputs) ** 2).sum()

    @property
    def variables(self):
        """The inputs that may be differentiated: native has no derivative by the loss's weight."""
        return tuple(self.inputs[: len(self.argnums)])

    def along(self, *variables):
        """The op of its variables alone."""
        return self.function(*variables, *self.inputs[len(self.argnums) :])

    def tangents(self):
        """A direction for each variable."""
        return tuple(noise(tensor, seed=20 + i) for i, tensor in enumerate(self.variables))


def batched(tensor, dim):
    """Three variants of a tensor, stacked along `dim`; values stay in [0, 1] if they were."""
    return torch.stack([tensor, 1 - tensor, 0.5 * tensor.roll(1)], dim=dim)


def run_vmap(call, in_dims, out_dims=0):
    arguments = [
        tensor if dim is None else batched(tensor, dim)
        for tensor, dim in zip(call.inputs, in_dims, strict=True)
    ]
    return vmap(call.function, in_dims=tuple(in_dims), out_dims=out_dims)(*arguments)


def only(index, call):
    """in_dims that batch one argument."""
    return [0 if i == index else None for i in range(len(call.inputs))]


def dual(call, which):
    """Forward AD by dual numbers, with a tangent for some of the inputs."""
    with fwAD.dual_level():
        variables = [
            fwAD.make_dual(tensor, tangent) if i in which else tensor
            for i, (tensor, tangent) in enumerate(zip(call.variables, call.tangents(), strict=True))
        ]
        primal, tangent = fwAD.unpack_dual(call.along(*variables))
        return primal, tangent


def reverse_over_forward(call):
    def pushed(*variables):
        return jvp(call.along, variables, call.tangents())[1].pow(2).sum()

    return grad(pushed, argnums=call.argnums)(*call.variables)


def forward_over_reverse(call):
    gradient = grad(lambda *v: call.along(*v).pow(2).sum(), argnums=call.argnums)
    return jvp(gradient, call.variables, call.tangents())


def pulled_back(call):
    output, pull = vjp(call.along, *call.variables)
    return pull(noise(output, seed=30))


class Layer(torch.nn.Module):
    """The second argument of an op as the parameter of a module."""

    def __init__(self, call):
        super().__init__()
        self.weight = torch.nn.Parameter(call.inputs[1].clone())
        self.call = call

    def forward(self, input):
        return self.call.function(input, self.weight, *self.call.inputs[2:])


def of_functional_call(call):
    layer = Layer(call)

    def loss(parameters, input):
        return functional_call(layer, parameters, (input,)).pow(2).sum()

    parameters = {name: value.detach() for name, value in layer.named_parameters()}
    gradient = grad(loss)
    samples = batched(call.inputs[0], 0)
    return gradient(parameters, call.inputs[0]), vmap(gradient, in_dims=(None, 0))(
        parameters, samples
    )


def jvp_of_vmap(call):
    variables = call.variables
    function = vmap(call.along, in_dims=(0, *[None] * (len(variables) - 1)))
    first = batched(variables[0], 0)
    tangents = (noise(first, seed=31), *call.tangents()[1:])
    return jvp(function, (first, *variables[1:]), tangents)


def nested_vmap(call):
    function = vmap(vmap(call.function, in_dims=tuple(only(0, call))), in_dims=tuple(only(1, call)))
    arguments = list(call.inputs)
    arguments[0], arguments[1] = batched(arguments[0], 0), batched(arguments[1], 0)
    return function(*arguments)


TRANSFORMS = {
    "grad": lambda c: grad(c.scalar, argnums=c.argnums)(*c.inputs),
    "grad of the first": lambda c: grad(c.scalar)(*c.inputs),
    "grad of the second": lambda c: grad(c.scalar, argnums=1)(*c.inputs),
    "grad of grad": lambda c: grad(
        lambda *inputs: sum(g.pow(2).sum() for g in grad(c.scalar, c.argnums)(*inputs)), c.argnums
    )(*c.inputs),
    "vjp": pulled_back,
    "jvp": lambda c: jvp(c.along, c.variables, c.tangents()),
    "jacrev": lambda c: jacrev(c.function, argnums=c.argnums)(*c.inputs),
    "jacrev, chunked": lambda c: jacrev(c.function, argnums=c.argnums, chunk_size=1)(*c.inputs),
    "jacfwd": lambda c: jacfwd(c.function, argnums=c.argnums)(*c.inputs),
    "hessian": lambda c: hessian(c.scalar, argnums=c.argnums)(*c.inputs),
    "hessian, reverse over reverse": lambda c: jacrev(
        jacrev(c.scalar, argnums=c.argnums), argnums=c.argnums
    )(*c.inputs),
    "vmap of the first": lambda c: run_vmap(c, only(0, c)),
    "vmap of the second": lambda c: run_vmap(c, only(1, c)),
    "vmap of all": lambda c: run_vmap(c, [0] * len(c.inputs)),
    "vmap of the last dimension": lambda c: run_vmap(c, [-1] * len(c.inputs), out_dims=-1),
    "vmap of different dimensions": lambda c: run_vmap(c, [1, 0, *[None] * (len(c.inputs) - 2)]),
    "vmap of vmap": nested_vmap,
    "vmap of grad": lambda c: vmap(grad(c.scalar, argnums=c.argnums), in_dims=tuple(only(0, c)))(
        batched(c.inputs[0], 0), *c.inputs[1:]
    ),
    "vmap of grad, all batched": lambda c: vmap(grad(c.scalar, argnums=c.argnums))(
        *[batched(tensor, 0) for tensor in c.inputs]
    ),
    "grad of vmap": lambda c: grad(
        lambda *inputs: run_vmap(Call(c.function, inputs, 3), only(0, c)).pow(2).sum(),
        argnums=c.argnums,
    )(*c.inputs),
    "jvp of vmap": jvp_of_vmap,
    "vmap of jvp": lambda c: vmap(lambda *tangents: jvp(c.along, c.variables, tangents)[1])(
        *[batched(tangent, 0) for tangent in c.tangents()]
    ),
    "dual numbers": lambda c: dual(c, c.argnums),
    "dual number of the first": lambda c: dual(c, (0,)),
    "dual number of the second": lambda c: dual(c, (1,)),
    "dual number of the last": lambda c: dual(c, c.argnums[-1:]),
    "reverse over forward": reverse_over_forward,
    "forward over reverse": forward_over_reverse,
    "functional_call": of_functional_call,
}


@pytest.mark.parametrize(
    "transform", TRANSFORMS.values(), ids=[t.replace(" ", "-") for t in TRANSFORMS]
)
@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, cases in CASES.items() for case in cases],
    ids=[f"{n}-{c.name.replace(' ', '-')}" for n, cases in CASES.items() for c in cases],
)
def test_transform(name, case, transform, device):
    op = OPS[name]
    inputs = op.inputs(case, torch.float64, device)
    expected = transform(Call(bind(op.native, case), inputs, op.differentiable))
    assert any(tensor.count_nonzero() for tensor in pytree.tree_leaves(expected))
    actual = transform(Call(bind(op.fused, case), inputs, op.differentiable))
    assert_close(actual, expected)


def test_vmap_needs_a_batch_dimension_like_native(device):
    """Misuse of a transform is reported, not computed around."""
    op = OPS["conv2d"]
    inputs = op.inputs(CASES["conv2d"][0], torch.float64, device)
    for function in (op.fused, op.native):
        with pytest.raises(ValueError, match="in_dims"):
            vmap(function, in_dims=(9, None, None))(*inputs)


def test_loss_weight_is_no_variable_of_a_transform(device):
    """Native gives no derivative by the weight of the loss; an answer of zeros would be a lie."""
    op = OPS["binary_cross_entropy"]
    inputs = op.inputs(CASES["binary_cross_entropy"][1], torch.float64, device)
    outcomes = []
    for function in (op.fused, op.native):
        try:
            outcome = grad(lambda w, f=function: f(inputs[0], inputs[1], w).sum())(inputs[2])
        except RuntimeError as error:
            outcome = type(error)
        outcomes.append(outcome)
    if isinstance(outcomes[1], torch.Tensor):
        assert_close(*outcomes)
    else:
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", OPS)
def test_activation_checkpointing(name, device):
    """torch.utils.checkpoint runs the forward twice and needs the same saved tensors each time."""
    from torch.utils.checkpoint import checkpoint

    op, case = OPS[name], CASES[name][0]
    results = []
    for function in (bind(op.fused, case), bind(op.native, case)):
        inputs = [t.requires_grad_() for t in op.inputs(case, torch.float64, device)]
        output = checkpoint(function, *inputs, use_reentrant=False)
        results.append(torch.autograd.grad(output.pow(2).sum(), inputs))
    assert_close(*results)
