"""The optimizers that the widget of lesson 7 offers."""

from torch import optim

OPTIMIZERS = {"SGD": optim.SGD, "Adam": optim.Adam}
