"""Fused PyTorch kernels, the models of a first course, and a page that reads drawn digits."""

__version__ = "0.1.0"

from inkgrad import functional, nn
from inkgrad.patching import patch, unpatch

__all__ = ["__version__", "functional", "nn", "patch", "unpatch"]
