"""The data of the course: MNIST, tables, downloads, augmentation, own digits."""
