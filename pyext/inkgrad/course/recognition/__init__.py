"""Recognition: from any image to the digit that it shows, or to no digit.

- ``picture`` reads an image of any kind as gray levels;
- ``ink`` separates the ink from the background;
- ``preprocess`` makes the 28 x 28 pixels that the networks were trained on, as MNIST did;
- ``recognizer`` predicts the digit, and explains the prediction.

Imports nothing of ``data``, ``training``, ``lessons`` or ``commands``.
"""
