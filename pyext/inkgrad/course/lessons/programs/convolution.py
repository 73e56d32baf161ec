"""Lesson 10, convolution: the digits again, by a network that knows which pixels are adjacent."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from inkgrad.course.data.course_files import mnist_folder  # the images of the course
# inkgrad: from inkgrad.nn import ConvReluMaxPool2d

EPOCHS = 2  # the course trains for 10

# %% 1. Prepare the data
transform = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]  # mean 0, deviation 1
)
train_dataset = datasets.MNIST(mnist_folder(), train=True, transform=transform)
test_dataset = datasets.MNIST(mnist_folder(), train=False, transform=transform)
train_loader = DataLoader(train_dataset, batch_size=64, shuffle=True)
test_loader = DataLoader(test_dataset, batch_size=1000, shuffle=False)


# %% 2. Design the model
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)  # inkgrad: self.conv1 = ConvReluMaxPool2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)  # inkgrad: self.conv2 = ConvReluMaxPool2d(10, 20, 5)
        self.pooling = nn.MaxPool2d(2)  # inkgrad: -
        self.fc = nn.Linear(320, 10)

    def forward(self, x):
        x = torch.relu(self.pooling(self.conv1(x)))  # inkgrad: x = self.conv1(x)
        x = torch.relu(self.pooling(self.conv2(x)))  # inkgrad: x = self.conv2(x)
        x = x.view(len(x), -1)  # (N, 20, 4, 4) becomes (N, 320)
        return self.fc(x)


torch.manual_seed(0)
model = Net()

# %% 3. Construct the loss and the optimizer
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.5)


# %% 4. Train and test by turns
def train(epoch):
    running_loss = 0.0
    for number, (inputs, labels) in enumerate(train_loader, start=1):
        loss = criterion(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        if number % 300 == 0 or number == len(train_loader):
            print(f"epoch {epoch}, step {number}: mean loss = {running_loss / number:.4f}")


def test():
    correct, total = 0, 0
    with torch.no_grad():  # no graph: nothing is trained here
        for inputs, labels in test_loader:
            _, predicted = model(inputs).max(dim=1)  # the largest number of each row, and its index
            correct += (predicted == labels).sum().item()
            total += len(labels)
    print(f"test accuracy: {correct / total:.4f} of {total} images")


if __name__ == "__main__":
    for epoch in range(1, EPOCHS + 1):
        train(epoch)
        test()
