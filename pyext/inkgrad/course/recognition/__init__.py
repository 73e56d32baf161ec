"""Recognition: from any image to the digit that it shows, or to no digit.

- ``picture`` reads an image of any kind as gray levels;
- ``ink`` separates the ink from the background, ``sheets`` finds paper and canvases in a picture;
- ``components`` splits ink into connected strokes, and leaves out frames, lines and marks;
- ``preprocess`` makes the 28 x 28 pixels that the networks were trained on, as MNIST did;
- ``detector`` decides whether an image is a digit at all;
- ``reading`` compares the ways to read some ink: a digit, several, or none;
- ``recognizer`` puts this together, and explains the prediction.

Imports nothing of ``data``, ``training``, ``lessons`` or ``commands``.
"""
