"""inkgrad: fused PyTorch kernels, the models of a first course, and a page that reads drawn digits."""

__version__ = "0.1.0"
