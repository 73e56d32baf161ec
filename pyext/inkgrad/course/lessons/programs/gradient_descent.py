"""Lesson 3, gradient descent: with all examples in each step, and with one."""

import random
from importlib.util import find_spec

# %% 1. Prepare the data
x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]


# %% 2. Design the model, its cost and the gradient of the cost
def forward(x, w):
    return x * w


def cost(w):
    return sum((forward(x, w) - y) ** 2 for x, y in zip(x_data, y_data)) / len(x_data)


def gradient(w):
    return sum(2 * x * (x * w - y) for x, y in zip(x_data, y_data)) / len(x_data)


# %% 3. Full batch: one exact step per epoch
w, lr = 1.0, 0.01
costs = []
for epoch in range(100):
    costs.append(cost(w))
    w -= lr * gradient(w)
    if epoch % 20 == 19:
        print(f"full batch, epoch {epoch + 1}: w = {w:.4f}, cost = {cost(w):.1e}")
print(f"prediction for 4 hours: {forward(4, w):.4f}")

# %% 4. Stochastic gradient descent: one step per example, in random order
random.seed(0)
w = 1.0
stochastic_costs = []
for epoch in range(100):
    stochastic_costs.append(cost(w))
    for x, y in random.sample(list(zip(x_data, y_data)), len(x_data)):
        w -= lr * 2 * x * (x * w - y)  # the gradient of the loss of this example
    if epoch % 20 == 19:
        print(f"SGD, epoch {epoch + 1}: w = {w:.4f}, cost = {cost(w):.1e}")

# %% 5. Draw the costs, if matplotlib is installed
if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    plt.semilogy(costs, label="full batch")
    plt.semilogy(stochastic_costs, label="SGD")
    plt.xlabel("epoch")
    plt.ylabel("cost")
    plt.legend()
    plt.show()
