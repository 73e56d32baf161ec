"""Lesson 2, the linear model: try every weight, and look at the loss of each."""

from importlib.util import find_spec

import numpy as np

# %% 1. Prepare the data
x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]


# %% 2. Design the model and its loss
def forward(x):
    return x * w


def loss(x, y):
    y_pred = forward(x)
    return (y_pred - y) ** 2


# %% 3. Try every weight
w_list, mse_list = [], []
for w in np.arange(0.0, 4.1, 0.1):
    losses = [loss(x, y) for x, y in zip(x_data, y_data)]
    mse = sum(losses) / len(losses)
    print(f"w = {w:.1f}: MSE = {mse:.4f}")
    w_list.append(w)
    mse_list.append(mse)

best = w_list[int(np.argmin(mse_list))]
print(f"lowest loss at w = {best:.1f}")

# %% 4. Draw the loss, if matplotlib is installed
if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    plt.plot(w_list, mse_list)
    plt.xlabel("w")
    plt.ylabel("MSE")
    plt.show()
