"""Models, data, training and digit reading of a first deep-learning course."""
