"""inkgrad: fused PyTorch kernels, the models of a first course, and a page that reads drawn digits."""

from inkgrad import functional
from inkgrad.build import build_config

__version__ = "0.1.0"

__all__ = ["__version__", "build_config", "functional"]
