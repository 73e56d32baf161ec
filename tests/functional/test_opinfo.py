"""PyTorch's own sample inputs of the native ops, with the fused op in their place."""

import itertools
import re

import pytest
import torch
import torch.nn.functional as F
import torch.utils._pytree as pytree

from comparing import assert_like_native, every_dtype
from inkgrad.check.ops import OPS

PEER = {
    "linear_sigmoid": "linear",
    "linear_relu": "linear",
    "binary_cross_entropy": "binary_cross_entropy",
    "conv2d": "conv2d",
    "conv2d_relu_max_pool2d": "conv2d",
}
every_op = pytest.mark.parametrize("name", PEER)


def op_info(name):
    # Imported here: it takes seconds, which a run of other tests need not pay.
    from torch.testing._internal.common_methods_invocations import op_db

    (info,) = (op for op in op_db if op.name == f"nn.functional.{name}")
    return info


def calls(name, samples):
    """(inputs, settings, label) for each sample; pooling over several windows where they fit."""
    for number, sample in enumerate(samples):
        arguments = (sample.input, *sample.args)
        settings = dict(sample.kwargs)
        label = (
            f"sample {number}: {[tuple(a.shape) for a in arguments if a is not None]} {settings}"
        )
        if name == "linear_sigmoid":
            # Samples reach 600 before the sigmoid, where its derivative is lost to rounding.
            arguments = (arguments[0] / 64, *arguments[1:])
        if name != "conv2d_relu_max_pool2d":
            yield arguments, settings, label
            continue
        height, width = F.conv2d(*arguments, **settings).shape[-2:]
        for window in (1, 2, (2, 1), 3):
            kernel_height, kernel_width = window if isinstance(window, tuple) else (window, window)
            if kernel_height <= height and kernel_width <= width:
                yield arguments, {**settings, "kernel_size": window}, f"{label} pool {window}"


def check(name, samples):
    op = OPS[name]
    count = 0
    for arguments, settings, label in calls(name, samples):
        leaves, tree = pytree.tree_flatten((arguments, settings))
        at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]

        def call(function, *tensors, leaves=leaves, tree=tree, at=at):
            filled = list(leaves)
            for i, tensor in zip(at, tensors, strict=True):
                filled[i] = tensor
            positional, named = pytree.tree_unflatten(filled, tree)
            return function(*positional, **named)

        assert_like_native(
            lambda *tensors, call=call: call(op.fused, *tensors),
            lambda *tensors, call=call: call(op.native, *tensors),
            [leaves[i] for i in at],
            differentiable=[i < op.differentiable for i in range(len(at))],
            label=label,
        )
        count += 1
    assert count > 0


@every_dtype
@every_op
def test_sample_and_reference_inputs(name, dtype, device):
    """An OpInfo without reference inputs of its own gives its samples for them."""
    info = op_info(PEER[name])
    check(name, info.reference_inputs(device, dtype))
    if info.reference_inputs_func is not None:
        check(name, info.sample_inputs(device, dtype))


@every_dtype
@every_op
def test_noncontiguous_samples(name, dtype, device):
    samples = op_info(PEER[name]).sample_inputs(device, dtype)
    check(name, (sample.noncontiguous() for sample in samples))


@every_dtype
def test_max_pool_samples(dtype, device):
    """max_pool2d's own samples: a convolution with the identity passes them on to the pooling."""
    op = OPS["conv2d_relu_max_pool2d"]
    seen = set()
    for sample in op_info("max_pool2d").sample_inputs(device, dtype):
        window = sample.kwargs["kernel_size"]
        image = sample.input
        default = {"padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False}
        expressible = sample.kwargs["stride"] is None and all(
            sample.kwargs[key] == value for key, value in default.items()
        )
        if not expressible or (image.shape, window) in seen:
            continue
        seen.add((image.shape, window))
        identity = torch.eye(image.shape[-3], dtype=dtype, device=device)[:, :, None, None]
        assert_like_native(
            lambda x, w, window=window: op.fused(x, w, kernel_size=window),
            lambda x, w, window=window: op.native(x, w, kernel_size=window),
            [image, identity],
            label=f"{tuple(image.shape)} pool {window}",
        )
    assert len(seen) >= 4


@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu_max_pool2d"])
def test_error_inputs(name, device):
    """linear and binary_cross_entropy come without error inputs: test_errors.py has theirs."""
    errors = list(op_info("conv2d").error_inputs(device))
    assert errors
    for error in errors:
        sample = error.sample_input
        with pytest.raises(error.error_type) as raised:
            OPS[name].fused(sample.input, *sample.args, **sample.kwargs)
        assert re.search(error.error_regex, str(raised.value)), str(raised.value)


def test_samples_cover_what_they_should(device):
    """Guards the tests above: an OpInfo that yields nothing interesting would pass them all."""
    samples = list(op_info("conv2d").sample_inputs(device, torch.float32))
    settings = list(itertools.chain.from_iterable(sample.kwargs for sample in samples))
    assert {"stride", "padding", "dilation", "groups"} <= set(settings)
