"""Lesson 4, backpropagation: PyTorch computes the gradient that lesson 3 derived by hand."""

import torch

# %% 1. Prepare the data, and a weight whose gradient is wanted
x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]
w = torch.tensor([1.0], requires_grad=True)


# %% 2. Design the model and its loss
def forward(x):
    return x * w  # w is a Tensor: the product becomes a node of the graph


def loss(x, y):
    return (forward(x) - y) ** 2


# %% 3. One example: by the chain rule, and by PyTorch
x, y = 2.0, 4.0
by_hand = 2 * (x * w.item() - y) * x  # d(loss)/d(y_pred) · d(y_pred)/dw
loss(x, y).backward()
print(f"gradient: {by_hand} by hand, {w.grad.item()} by PyTorch")
w.grad.zero_()

# %% 4. Training loop
print(f"prediction for 4 hours before training: {forward(4).item():.4f}")
for epoch in range(100):
    for x, y in zip(x_data, y_data):
        l = loss(x, y)  # forward pass: builds a new graph
        l.backward()  # backward pass: w.grad += d(l)/dw, and the graph is freed
        w.data -= 0.01 * w.grad.data  # on data: the update must not be recorded
        w.grad.data.zero_()  # otherwise the next gradient is added to this one
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1}: w = {w.item():.4f}, loss = {l.item():.6f}")
print(f"prediction for 4 hours after training: {forward(4).item():.4f}")
