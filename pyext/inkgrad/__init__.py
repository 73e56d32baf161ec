"""Fused PyTorch kernels, the models of a first deep-learning course, and a digit-drawing app."""

from inkgrad import autograd, functional, kernels, nn
from inkgrad.build import build_config
from inkgrad.patching import patch, unpatch

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "autograd",
    "build_config",
    "functional",
    "kernels",
    "nn",
    "patch",
    "unpatch",
]
