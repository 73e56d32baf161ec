"""The models compute the course's formulas, equally on both backends."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from inkgrad.course import models

NAMES = list(models.MODELS)


def example_of(name: str) -> tuple[Tensor, Tensor]:
    generator = Generator().manual_seed(1)
    if name in ("logistic", "diabetes"):
        width = {"logistic": 1, "diabetes": 8}[name]
        inputs = torch.randn(5, width, generator=generator)
        return inputs, torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]])
    return torch.rand(5, 1, 28, 28, generator=generator), torch.tensor([3, 1, 4, 1, 5])


def seeded(name: str, backend: models.Backend) -> models.CourseModel:
    return models.build(name, backend, generator=Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
def test_both_backends_have_the_same_weights_outputs_and_gradients(name: str) -> None:
    inputs, targets = example_of(name)
    fused, native = seeded(name, "fused"), seeded(name, "native")
    fused_weights, native_weights = fused.state_dict(), native.state_dict()
    assert list(fused_weights) == list(native_weights)
    for key in fused_weights:
        assert torch.equal(fused_weights[key], native_weights[key])
    outputs = [model(inputs) for model in (fused, native)]
    assert outputs[0].shape == ((5, 1) if targets.is_floating_point() else (5, 10))
    torch.testing.assert_close(*outputs)
    for model, output in zip((fused, native), outputs, strict=True):
        model.criterion(output, targets).backward()
    for ours, theirs in zip(fused.parameters(), native.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_cnn_is_the_one_of_the_course() -> None:
    model = seeded("cnn", "native")
    images, _ = example_of("cnn")
    w = model.state_dict()
    x = (images - 0.1307) / 0.3081
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv1.weight"], w["conv1.bias"]), 2))
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv2.weight"], w["conv2.bias"]), 2))
    x = F.linear(x.view(5, -1), w["fc.weight"], w["fc.bias"])
    torch.testing.assert_close(model(images), x)


def test_the_diabetes_model_is_the_one_of_the_course() -> None:
    model = seeded("diabetes", "native")
    x, targets = example_of("diabetes")
    expected = x
    for layer in (1, 2, 3):
        weights = model.state_dict()
        expected = F.linear(
            expected, weights[f"linear{layer}.weight"], weights[f"linear{layer}.bias"]
        ).sigmoid()
    torch.testing.assert_close(model(x), expected)
    loss = -(targets * expected.log() + (1 - targets) * (1 - expected).log()).mean()
    torch.testing.assert_close(model.criterion(expected, targets), loss)


def test_weights_start_as_torch_starts_them() -> None:
    model = seeded("softmax", "native")
    for layer in (model.linear1, model.linear5):
        bound = layer.in_features**-0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert 0.5 * bound < layer.bias.abs().max() <= bound
        assert layer.weight.mean().abs() < 0.2 * bound


def test_a_generator_spares_torchs_global_one() -> None:
    before = torch.get_rng_state()
    first, again = seeded("cnn", "native"), seeded("cnn", "native")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.fc.weight, again.fc.weight)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one of logistic, .*got 'resnet'"):
        models.build("resnet")
    with pytest.raises(ValueError, match="'fused' or 'native', got 'cuda'"):
        models.build("cnn", "cuda")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", models.MODELS)
def test_a_chain_of_layers_is_the_model(name: str) -> None:
    model = models.build(name, generator=Generator().manual_seed(0))
    layers = model.chain()
    if layers is None:
        assert name == "strong"
        return
    shape = (5, 1, 28, 28) if isinstance(model, models.DigitModel) else (5, layers[0].in_features)
    x = torch.rand(shape, generator=Generator().manual_seed(1))
    result = x
    for layer in layers:
        result = layer(result.flatten(1) if isinstance(layer, nn.Linear) else result)
    assert torch.equal(result, model(x))


@pytest.mark.parametrize("name", ["logistic", "diabetes"])
@pytest.mark.parametrize("classes", [2, 3])
def test_columns_are_standardized_with_statistics_that_are_kept_with_the_weights(
    name: str, classes: int
) -> None:
    generator = Generator().manual_seed(0)
    inputs = torch.randn(50, 4, generator=generator) * torch.tensor([1e-6, 1, 1e3, 0]) + 1e4
    kwargs = {"in_features": 4, "classes": classes, "standardize": True}
    model = models.build(name, generator=generator, **kwargs)
    assert isinstance(model, models.TableModel)
    model.fit_columns(inputs)
    prepared = model.before_chain(inputs)
    torch.testing.assert_close(prepared[:, 1:3].mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(prepared[:, 1:3].std(0, correction=0), torch.ones(2))
    assert prepared.isfinite().all()
    output = model(inputs)
    assert output.shape == ((50, 1) if classes == 2 else (50, 3))
    plain = models.build(name, "native", in_features=4, classes=classes)
    weights = {key: w for key, w in model.state_dict().items() if not key.startswith("columns.")}
    plain.load_state_dict(weights)
    torch.testing.assert_close(plain(prepared), output)
    again = models.build(name, "native", **kwargs)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again(inputs), output)
