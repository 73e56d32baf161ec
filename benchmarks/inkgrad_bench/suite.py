"""The benchmark suite: every case that is timed, with its target.

A target is a ratio: the time of native eager torch over ours, in the same run, for the AVX-512
kernels on the CPU. Cases without a target of their own have :data:`NEVER_SLOWER`: no shape, dtype
or layout may be slower than native.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]
# One call is: the op, the op and all its gradients, one epoch or one step of training.
FORWARD, BOTH, EPOCH, STEP = "forward", "forward+backward", "epoch", "step"


@dataclass(frozen=True)
class Target:
    """The ratio to reach, and the stretch goal beyond it."""

    ratio: float
    stretch: float


NEVER_SLOWER = Target(0.97, 1.0)


@dataclass(frozen=True)
class Case:
    """An op with the shapes, dtype and layout of its tensors; or training, or a prediction.

    ``op`` is a function of :mod:`inkgrad.functional`, called with tensors of ``shapes`` (input,
    weight and bias, or input, target and weight) and the arguments ``settings``; or ``"train"``,
    an epoch of ``settings["model"]``, or a step on one batch of ``settings["rows"]`` examples; or
    ``"predict"``, the digits of ``settings["images"]`` images, or of a drawing without it.
    ``layout`` is the memory layout of images or matrices: ``"contiguous"``, ``"channels_last"`` or
    ``"transposed"``.
    """

    op: str
    name: str
    shapes: tuple[Shape, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    layout: str = "contiguous"
    targets: dict[str, Target] = field(default_factory=dict)
    compiled_target: Target | None = None  # against torch.compile'd native
    peer_target: Target | None = None  # against the fastest of inkgrad_bench.peers

    @property
    def directions(self) -> tuple[str, ...]:
        if self.op == "train":
            return (STEP,) if "rows" in self.settings else (EPOCH,)
        return (FORWARD,) if self.op == "predict" else (FORWARD, BOTH)

    def target(self, direction: str) -> Target:
        return self.targets.get(direction, NEVER_SLOWER)


def _targets(**pairs: tuple[float, float] | None) -> dict[str, Target]:
    names = {"forward": FORWARD, "both": BOTH, "epoch": EPOCH, "step": STEP}
    return {names[key]: Target(*pair) for key, pair in pairs.items() if pair is not None}


def _target(pair: tuple[float, float] | None) -> Target | None:
    return None if pair is None else Target(*pair)


Pair = tuple[float, float] | None


def linear(
    m: int, k: int, n: int, activation: str = "sigmoid", forward: Pair = None, both: Pair = None,
    bias: bool = True, **more: Any,
) -> Case:  # fmt: skip
    """A linear layer with ``m`` rows, ``k`` inputs and ``n`` outputs, and its activation."""
    shapes = ((m, k), (n, k), (n,)) if bias else ((m, k), (n, k))
    name = f"{m}x{k}->{n}" + _remarks(more) + ("" if bias else ", no bias")
    targets = _targets(forward=forward, both=both)
    return Case(f"linear_{activation}", name, shapes, targets=targets, **more)


def bce(
    *shape: int, reduction: str = "mean", weight: Shape | None = None,
    forward: Pair = None, both: Pair = None, name: str = "", **more: Any,
) -> Case:  # fmt: skip
    """Binary cross entropy of tensors of ``shape``; ``name`` replaces the shape in the name."""
    shapes = (shape, shape) if weight is None else (shape, shape, weight)
    name = f"{reduction} {name or 'x'.join(map(str, shape))}" + _remarks(more)
    name += "" if weight is None else ", weight " + "x".join(map(str, weight))
    targets = _targets(forward=forward, both=both)
    settings = {"reduction": reduction}
    return Case("binary_cross_entropy", name, shapes, settings, targets=targets, **more)


def conv(
    input: Shape, out: int, k: int, op: str = "conv2d", forward: Pair = None, both: Pair = None,
    compiled: Pair = None, dtype: str = "float32", layout: str = "contiguous", bias: bool = True,
    **settings: Any,
) -> Case:  # fmt: skip
    """A convolution, or the fused ``op``, with ``out`` filters of ``k`` by ``k``."""
    weight = (out, input[1] // settings.get("groups", 1), k, k)
    shapes = (input, weight, (out,)) if bias else (input, weight)
    size = f"{input[2]}" if input[2] == input[3] else f"{input[2]}x{input[3]}"
    name = f"{input[0]}x{input[1]}x{size}->{out} k{k}"
    for key, letter in {"stride": "s", "padding": "p", "groups": "g", "dilation": "d"}.items():
        name += f" {letter}{settings[key]}" if key in settings else ""
    name += f" pool {settings['kernel_size']}" if settings.get("kernel_size", 2) != 2 else ""
    name += _remarks({"dtype": dtype, "layout": layout}) + ("" if bias else ", no bias")
    return Case(
        op, name, shapes, settings, dtype, layout, _targets(forward=forward, both=both),
        _target(compiled),
    )  # fmt: skip


def _pool(input: Shape, out: int, k: int, **more: Any) -> Case:
    return conv(input, out, k, op="conv2d_relu_max_pool2d", **more)


def _remarks(more: dict[str, Any]) -> str:
    remarks = [more.get("dtype", "float32"), more.get("layout", "contiguous")]
    return "".join(f", {word}" for word in remarks if word not in ("float32", "contiguous"))


def _train(
    model: str, name: str, epoch: Pair = None, compiled: Pair = None, **settings: Any
) -> Case:
    targets, against_compiled = _targets(epoch=epoch), _target(compiled)
    settings = {"model": model, **settings}
    return Case("train", name, (), settings, targets=targets, compiled_target=against_compiled)


def _step(model: str, rows: int, step: Pair, peers: Pair, compiled: Pair = None) -> Case:
    name = f"{model}, a step of {rows}"
    return Case(
        "train", name, (), {"model": model, "rows": rows}, targets=_targets(step=step),
        compiled_target=_target(compiled), peer_target=_target(peers),
    )  # fmt: skip


def _predict(name: str, forward: Pair, peers: Pair = None, **settings: Any) -> Case:
    targets = _targets(forward=forward)
    return Case("predict", name, (), settings, targets=targets, peer_target=_target(peers))


FIRST_LAYER = (64, 1, 28, 28)
SECOND_LAYER = (64, 10, 12, 12)

CASES: tuple[Case, ...] = (
    # ---- main cases, which the kernels are made for, each with its target and stretch goal
    bce(2**24, name="2^24", forward=(30, 50), both=(12, 20)),
    bce(2**20, name="2^20", forward=(20, 40)),
    # On a few hundred elements, torch's autograd engine takes most of the time, on both sides.
    bce(759, forward=(5, 8), both=(1.4, 2)),
    linear(759, 8, 6, forward=(5, 8), both=(1.4, 2)),
    linear(64, 784, 512, forward=(1.1, 1.2), both=(1.1, 1.2)),
    linear(4096, 784, 512, forward=(1.15, 1.3), both=(1.1, 1.2)),
    conv(FIRST_LAYER, 10, 5, forward=(2.5, 3), both=(6, 12)),
    conv(SECOND_LAYER, 20, 5, forward=(1.4, 1.7), both=(2, 3)),
    conv((32, 64, 56, 56), 64, 3, padding=1, forward=(0.97, 1.5), both=(0.97, 1.5)),
    conv((16, 64, 28, 28), 128, 3, stride=2, padding=1, forward=(0.97, 1.5), both=(0.97, 1.5)),
    conv((8, 256, 14, 14), 256, 3, padding=1, forward=(0.97, 1.5), both=(0.97, 1.5)),
    _pool(FIRST_LAYER, 10, 5, forward=(6, 15), both=(10, 17), compiled=(2, 4)),
    _pool(SECOND_LAYER, 20, 5, forward=(3, 4), both=(3.5, 6), compiled=(2, 4)),
    _train("diabetes", "diabetes, full batch", epoch=(6, 20), batch_size=607, examples=607),
    _train("diabetes", "diabetes, batch 32", epoch=(5, 20), batch_size=32, examples=607),
    _train("cnn", "cnn, batch 64", epoch=(5, 8), compiled=(2, 4), examples=2094),
    _train("softmax", "softmax, batch 64", epoch=(1.3, 1.7), examples=2094),
    _step("diabetes", 759, step=(6, 20), peers=(6, 10)),
    _step("diabetes", 32, step=(6, 20), peers=(6, 10)),
    _step("softmax", 64, step=(1.6, 2), peers=(1.15, 1.4)),
    _step("cnn", 64, step=(8, 12), peers=(8, 12), compiled=(5, 8)),
    _step("cnn", 512, step=(8, 12), peers=(8, 12), compiled=(5, 8)),
    _predict("strong CNN, one image", forward=(1.5, 4), peers=(1.1, 1.5), images=1),
    _predict("strong CNN, 64 images", forward=(1.5, 4), peers=(1.15, 1.5), images=64),
    _predict("strong CNN, one drawing", forward=(1.5, 4)),
    # ---- other shapes, dtypes and layouts
    _train("cnn", "cnn, batch 64, not augmented", augment=False, examples=2094),
    _train("strong", "strong, batch 64", examples=558),
    bce(32, 1),
    bce(2**20, name="2^20", dtype="float64"),
    bce(2**20, name="2^20", dtype="bfloat16"),
    bce(2**20, name="2^20", dtype="float16"),
    bce(2**20, name="2^20", reduction="none"),
    bce(2**20, name="2^20", reduction="sum"),
    bce(1024, 1000, weight=(1000,)),
    bce(1024, 1000, layout="transposed"),
    linear(32, 8, 6),
    linear(1, 784, 512),
    linear(333, 97, 61),
    linear(1024, 1024, 1024),
    linear(512, 512, 512, bias=False),
    linear(512, 512, 512, layout="transposed"),
    linear(256, 256, 256, dtype="float64"),
    linear(256, 256, 256, dtype="bfloat16"),
    linear(256, 256, 256, dtype="float16"),
    linear(759, 8, 6, "relu"),
    linear(64, 784, 512, "relu"),
    linear(64, 128, 64, "relu"),
    linear(4096, 784, 512, "relu"),
    linear(256, 256, 256, "relu", dtype="bfloat16"),
    conv((1, 32, 14, 14), 48, 3, padding=1),
    conv((64, 32, 14, 14), 48, 3, padding=1),
    conv((64, 64, 7, 7), 96, 3),
    conv((7, 3, 33, 29), 11, 3),
    conv((4, 3, 224, 224), 64, 7, stride=2, padding=3),
    conv((32, 64, 28, 28), 64, 1),
    conv((16, 32, 28, 28), 64, 3, padding=1, groups=4),
    conv((16, 64, 28, 28), 64, 3, padding=1, groups=64),
    conv((16, 16, 28, 28), 16, 3, padding=2, dilation=2),
    conv((16, 32, 28, 28), 64, 3, padding=1, layout="channels_last"),
    conv((16, 16, 28, 28), 32, 3, padding=1, bias=False),
    conv((8, 16, 28, 28), 32, 3, padding=1, dtype="float64"),
    conv((16, 32, 28, 28), 64, 3, padding=1, dtype="bfloat16"),
    conv((16, 32, 28, 28), 64, 3, padding=1, dtype="float16"),
    _pool((1, 1, 28, 28), 32, 5, padding=2),
    _pool((64, 1, 28, 28), 32, 5, padding=2),
    _pool((64, 48, 14, 14), 64, 3, padding=1),
    _pool((32, 64, 56, 56), 64, 3, padding=1),
    _pool((7, 3, 33, 29), 11, 3),
    _pool((32, 3, 32, 32), 32, 3, stride=2, padding=1),
    _pool((32, 3, 32, 32), 32, 5, padding=2, kernel_size=3),
    _pool((16, 32, 28, 28), 64, 3, padding=1, groups=4),
    _pool((16, 32, 28, 28), 64, 3, padding=1, layout="channels_last"),
    _pool((8, 16, 28, 28), 32, 3, padding=1, dtype="float64"),
    _pool((16, 32, 28, 28), 64, 3, padding=1, dtype="bfloat16"),
    _pool((16, 32, 28, 28), 64, 3, padding=1, dtype="float16"),
)  # fmt: skip

# Timed on a GPU by gpu_bench.py, with targets for an H200.
GPU_CASES: tuple[Case, ...] = (
    bce(2**26, name="2^26", forward=(1.7, 2.0), both=(1.5, 1.8)),
    bce(2**26, name="2^26", dtype="bfloat16", forward=(2.8, 3.4), both=(2.3, 2.7)),
    bce(2**20, name="2^20"),
    bce(759),
    _pool((4096, 1, 28, 28), 10, 5, forward=(4, 6), both=(6, 10)),
    _pool((4096, 10, 12, 12), 20, 5, forward=(2, 3.5), both=(2, 3.5)),
    _pool((64, 64, 56, 56), 64, 3, padding=1, dtype="bfloat16"),
    _pool((64, 64, 56, 56), 64, 3, padding=1, dtype="bfloat16", layout="channels_last"),
    _pool(FIRST_LAYER, 10, 5),
    conv((64, 64, 56, 56), 64, 3, padding=1, dtype="bfloat16", forward=(1.5, 2.0)),
    conv(
        (64, 64, 56, 56), 64, 3, padding=1, dtype="bfloat16", layout="channels_last",
        forward=(1.15, 1.4),
    ),
    linear(4096, 4096, 4096, forward=(1.7, 2.1), both=(1.7, 2.1)),
    linear(65536, 128, 1024, forward=(2.0, 2.8), both=(1.8, 2.1)),
    linear(8192, 512, 8192, dtype="bfloat16", forward=(1.5, 1.7), both=(1.2, 1.27)),
    linear(4096, 4096, 4096, dtype="bfloat16", forward=(1.07, 1.15), both=(1.03, 1.08)),
    linear(65536, 128, 1024, "relu"),
    linear(759, 8, 6),
    linear(65536, 128, 1),
    linear(1024, 1024, 1024),
    _train("diabetes", "diabetes, batch 32", epoch=(2, 4), batch_size=32, examples=607),
    _train("cnn", "cnn, batch 64, not augmented", augment=False, examples=2094),
)  # fmt: skip

OPS = (
    "binary_cross_entropy",
    "linear_sigmoid",
    "linear_relu",
    "conv2d",
    "conv2d_relu_max_pool2d",
    "train",
    "predict",
)


def select(ops: Iterable[str], text: str | None = None, main_only: bool = False) -> list[Case]:
    """Return the cases of ``ops`` with ``text`` in their name, sorted by op.

    ``main_only`` keeps only those with targets of their own.
    """
    chosen = set(ops)
    found = [
        case
        for case in CASES
        if case.op in chosen
        and (text is None or text.lower() in f"{case.op} {case.name}".lower())
        and (case.targets or not main_only)
    ]
    return sorted(found, key=lambda case: OPS.index(case.op))


# ---------------------------------------------------------------- batch 1 to 65536

BATCHES = tuple(4**power for power in range(9))


def scaling_case(op: str, batch: int) -> Case | None:
    """A layer of the course's models at a batch size; None for ops without a batch."""
    if op == "binary_cross_entropy":
        return bce(batch)
    if op in ("linear_sigmoid", "linear_relu"):
        return linear(batch, 784, 512, op.removeprefix("linear_"))
    if op in ("conv2d", "conv2d_relu_max_pool2d"):
        return conv((batch, *FIRST_LAYER[1:]), 10, 5, op)
    return None
