"""Fused PyTorch kernels, the models of a first deep-learning course, and a digit-drawing app."""

from inkgrad import functional, kernels, nn
from inkgrad.build import build_config
from inkgrad.compiling import compile
from inkgrad.explaining import explain
from inkgrad.patching import patch, unpatch

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "build_config",
    "compile",
    "explain",
    "functional",
    "kernels",
    "nn",
    "patch",
    "unpatch",
]
