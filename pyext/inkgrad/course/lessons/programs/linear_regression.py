"""Lesson 5, linear regression with PyTorch: the four steps of every later program."""

import torch
from torch import nn, optim

# %% 1. Prepare the data
x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[2.0], [4.0], [6.0]])


# %% 2. Design the model
class LinearModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)  # one feature in, one number out: one w and one b

    def forward(self, x):
        return self.linear(x)


torch.manual_seed(0)
model = LinearModel()

# %% 3. Construct the loss and the optimizer
criterion = nn.MSELoss(reduction="sum")
optimizer = optim.SGD(model.parameters(), lr=0.01)

# %% 4. Training loop
for epoch in range(1000):
    y_pred = model(x_data)  # forward
    loss = criterion(y_pred, y_data)
    optimizer.zero_grad()  # otherwise gradients accumulate
    loss.backward()  # backward
    optimizer.step()  # update
    if epoch % 200 == 199:
        print(f"epoch {epoch + 1}: loss = {loss.item():.6f}")

print(f"w = {model.linear.weight.item():.4f}, b = {model.linear.bias.item():.4f}")
print(f"prediction for 4 hours: {model(torch.tensor([[4.0]])).item():.4f}")
