"""Lesson 6, logistic regression: hours of study, and the probability of passing."""

from importlib.util import find_spec

import torch
from torch import nn, optim
# inkgrad: from inkgrad.nn import BCELoss, LinearSigmoid

# %% 1. Prepare the data: 0 failed, 1 passed
x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[0.0], [0.0], [1.0]])


# %% 2. Design the model
class LogisticRegressionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)  # inkgrad: self.linear = LinearSigmoid(1, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))  # inkgrad: return self.linear(x)


torch.manual_seed(0)
model = LogisticRegressionModel()

# %% 3. Construct the loss and the optimizer
criterion = nn.BCELoss(reduction="sum")  # inkgrad: criterion = BCELoss(reduction="sum")
optimizer = optim.SGD(model.parameters(), lr=0.01)

# %% 4. Training loop
for epoch in range(1000):
    y_pred = model(x_data)
    loss = criterion(y_pred, y_data)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 200 == 199:
        print(f"epoch {epoch + 1}: loss = {loss.item():.6f}")

w, b = model.linear.weight.item(), model.linear.bias.item()
print(f"w = {w:.4f}, b = {b:.4f}")
print(f"probability of passing after 4 hours: {model(torch.tensor([[4.0]])).item():.4f}")

# %% 5. Draw the learned curve, if matplotlib is installed
if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    hours = torch.linspace(0, 10, 200).view(-1, 1)  # 200 rows, one feature
    with torch.no_grad():
        probabilities = model(hours)
    plt.plot(hours.flatten(), probabilities.flatten())
    plt.axhline(0.5, color="tab:red")
    plt.xlabel("hours")
    plt.ylabel("probability of passing")
    plt.show()
