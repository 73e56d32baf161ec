"""Lesson 7, many features: eight measurements of a person, three layers, one probability."""

import numpy as np
import torch
from torch import nn, optim

from inkgrad.course.data.course_files import diabetes_csv  # the file of the course
# inkgrad: from inkgrad.nn import BCELoss, LinearSigmoid

# %% 1. Prepare the data
xy = np.loadtxt(diabetes_csv(), delimiter=",", dtype=np.float32)
x_data = torch.from_numpy(xy[:, :-1])  # all columns but the last: the features
y_data = torch.from_numpy(xy[:, [-1]])  # the last column, as a matrix: the label


# %% 2. Design the model
class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.linear1 = nn.Linear(features, 6)  # inkgrad: self.linear1 = LinearSigmoid(features, 6)
        self.linear2 = nn.Linear(6, 4)  # inkgrad: self.linear2 = LinearSigmoid(6, 4)
        self.linear3 = nn.Linear(4, 1)  # inkgrad: self.linear3 = LinearSigmoid(4, 1)

    def forward(self, x):
        x = torch.sigmoid(self.linear1(x))  # inkgrad: x = self.linear1(x)
        x = torch.sigmoid(self.linear2(x))  # inkgrad: x = self.linear2(x)
        return torch.sigmoid(self.linear3(x))  # inkgrad: return self.linear3(x)


torch.manual_seed(0)
model = Model(x_data.shape[1])

# %% 3. Construct the loss and the optimizer
criterion = nn.BCELoss(reduction="mean")  # inkgrad: criterion = BCELoss(reduction="mean")
optimizer = optim.SGD(model.parameters(), lr=0.1)  # learns slowly: try optim.Adam

# %% 4. Training loop: all examples in every step
for epoch in range(100):
    y_pred = model(x_data)
    loss = criterion(y_pred, y_data)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        accuracy = ((y_pred > 0.5) == (y_data > 0.5)).float().mean().item()
        print(f"epoch {epoch + 1}: loss = {loss.item():.4f}, training accuracy = {accuracy:.4f}")

share = y_data.mean().item()
print(f"always the more common class: accuracy = {max(share, 1 - share):.4f}")
