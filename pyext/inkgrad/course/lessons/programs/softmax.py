"""Lesson 9, softmax: recognize the ten handwritten digits of MNIST."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from inkgrad.course.data.course_files import mnist_folder  # the images of the course
# inkgrad: from inkgrad.nn import LinearReLU

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
        self.l1 = nn.Linear(784, 512)  # inkgrad: self.l1 = LinearReLU(784, 512)
        self.l2 = nn.Linear(512, 256)  # inkgrad: self.l2 = LinearReLU(512, 256)
        self.l3 = nn.Linear(256, 128)  # inkgrad: self.l3 = LinearReLU(256, 128)
        self.l4 = nn.Linear(128, 64)  # inkgrad: self.l4 = LinearReLU(128, 64)
        self.l5 = nn.Linear(64, 10)

    def forward(self, x):
        x = x.view(-1, 784)  # every image becomes a row
        x = torch.relu(self.l1(x))  # inkgrad: x = self.l1(x)
        x = torch.relu(self.l2(x))  # inkgrad: x = self.l2(x)
        x = torch.relu(self.l3(x))  # inkgrad: x = self.l3(x)
        x = torch.relu(self.l4(x))  # inkgrad: x = self.l4(x)
        return self.l5(x)  # no softmax: CrossEntropyLoss contains it


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
