"""Lesson 8, Dataset and DataLoader: mini-batches from a CSV file."""

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

from inkgrad.course.data.course_files import diabetes_csv  # the file of the course
# inkgrad: from inkgrad.nn import BCELoss, LinearSigmoid


# %% 1. Prepare the data
class DiabetesDataset(Dataset):
    def __init__(self, path):
        xy = np.loadtxt(path, delimiter=",", dtype=np.float32)
        self.x_data = torch.from_numpy(xy[:, :-1])
        self.y_data = torch.from_numpy(xy[:, [-1]])

    def __getitem__(self, index):  # dataset[index]
        return self.x_data[index], self.y_data[index]

    def __len__(self):  # len(dataset)
        return len(self.x_data)


dataset = DiabetesDataset(diabetes_csv())
# With num_workers=2, two processes prepare batches: that needs the guard at the end.
loader = DataLoader(dataset, batch_size=32, shuffle=True, num_workers=0)


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
model = Model(dataset.x_data.shape[1])

# %% 3. Construct the loss and the optimizer
criterion = nn.BCELoss(reduction="mean")  # inkgrad: criterion = BCELoss(reduction="mean")
optimizer = optim.Adam(model.parameters(), lr=0.01)

# %% 4. Training loop: one step per batch
if __name__ == "__main__":
    for epoch in range(20):
        total = 0.0
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: {len(loader)} steps, mean loss = {total / len(dataset):.4f}")
