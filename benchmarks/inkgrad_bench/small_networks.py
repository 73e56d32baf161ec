"""Small networks as courses and tutorials write them, with random weights; no downloads."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SMALL"]


class UNet(nn.Module):
    """Two levels, skip connections, transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = self._block(1, 4), self._block(4, 8)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.last = nn.Sequential(self._block(8, 4), nn.Conv2d(4, 1, 1), nn.Sigmoid())

    @staticmethod
    def _block(channels_in: int, channels: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        wide = self.down1(x)
        return self.last(torch.cat([wide, self.up(self.down2(self.pool(wide)))], 1))


class VAE(nn.Module):
    """PyTorch's example, without the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.mean, self.log_var = nn.Linear(784, 32), nn.Linear(32, 4), nn.Linear(32, 4)
        self.fc3, self.fc4 = nn.Linear(4, 32), nn.Linear(32, 784)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.fc1(x.flatten(1)))
        z = self.mean(hidden) + torch.exp(0.5 * self.log_var(hidden))
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))


def discriminator() -> nn.Module:
    """DCGAN's: strided convolutions, batch norm, leaky relu, a sigmoid behind a convolution."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(16, 1, 7, bias=False), nn.Sigmoid(), nn.Flatten(),
    )  # fmt: skip


class LeNet(nn.Module):
    """As most courses write it: attributes, and relu(pool(conv))."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(320, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.pool(self.conv1(x)))
        x = F.relu(self.pool(self.conv2(x)))
        return self.fc(x.flatten(1))


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 16), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(16, 784), nn.Sigmoid())
        self.loss = nn.BCELoss()

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.loss(self.decoder(self.encoder(x)), x)[None, None]


class Siamese(nn.Module):
    """One branch called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(1, 4, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(4 * 12 * 12, 8), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return (self.branch(x) - self.branch(x.flip(-1))).abs()


class MNISTExample(nn.Module):
    """PyTorch's: dropout between layers, log_softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(8 * 12 * 12, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout1(F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2))
        x = self.dropout2(F.relu(self.fc1(torch.flatten(x, 1))))
        return F.log_softmax(self.fc2(x), dim=1)


class OlderMNISTExample(nn.Module):
    """PyTorch's former one: dropout between convolution and pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.drop, self.fc1, self.fc2 = nn.Dropout2d(), nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2)).view(-1, 320)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), training=self.training))


class NormedCNN(nn.Module):
    """Convolution, batch norm, ReLU, pool; large enough that folding pays."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.conv2, self.norm2 = nn.Conv2d(32, 32, 3, bias=False), nn.BatchNorm2d(32)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x)), inplace=True), 2)
        return F.relu(self.norm2(self.conv2(x.repeat(3, 1, 3, 3)))).mean((2, 3))


# name -> (how to make it, the size of an input)
SMALL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "lenet": (LeNet, (1, 28, 28)),
    "mnist example": (MNISTExample, (1, 28, 28)),
    "older mnist example": (OlderMNISTExample, (1, 28, 28)),
    "normed": (NormedCNN, (1, 28, 28)),
    "dcgan": (discriminator, (1, 28, 28)),
    "autoencoder": (Autoencoder, (1, 28, 28)),
    "u-net": (UNet, (1, 28, 28)),
    "vae": (VAE, (1, 28, 28)),
    "siamese": (Siamese, (1, 28, 28)),
}
