"""Lesson 1, overview: algebra, probability and calculus in PyTorch, and a graph that grows."""

import torch

# %% Algebra: one matrix-vector product computes all predictions
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # one row per example
w, b = torch.tensor([2.0, -1.0]), 0.5
print("predictions:", (X @ w + b).tolist())

# %% Probability: the mean of many samples approaches the expectation, 3.5
torch.manual_seed(0)
for rolls in (10, 100, 1000, 10_000):
    dice = torch.randint(1, 7, (rolls,)).float()
    print(f"mean of {rolls} rolls: {dice.mean():.3f}")

# %% Calculus: y = sin(u) with u = x²
for value in (0.5, 1.0, 1.5):
    x = torch.tensor(value, requires_grad=True)
    u = x**2
    y = torch.sin(u)
    y.backward()  # PyTorch applies the chain rule
    by_rule = torch.cos(u) * 2 * x  # dy/du · du/dx
    print(f"x = {value}: dy/dx = {x.grad:.4f} by PyTorch, {by_rule:.4f} by the chain rule")

# %% A dynamic graph: plain Python decides what is recorded
for value in (2.0, 3.0, 5.0):
    x = torch.tensor(value, requires_grad=True)
    y, products = x, 0
    while y < 10:
        y = y * x  # each product becomes a node of the graph
        products += 1
    y.backward()
    print(f"x = {value}: products: {products}, y = {y.item()}, dy/dx = {x.grad.item()}")
