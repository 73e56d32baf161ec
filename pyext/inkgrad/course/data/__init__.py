"""Data: MNIST, tables, downloads, augmentation, and the user's own digits.

- ``datasets`` loads the course's data, with ``download`` and ``table``;
- ``own_digits`` makes data of drawings and of images in a zip archive;
- ``augment`` varies digits during training;
- ``styles`` draws digits in styles that are rare in MNIST, with the pen of ``strokes``;
- ``digit_forms`` has digits drawn with a pen, printed and scanned coarsely;
- ``negatives`` draws what is no digit, from ``glyphs`` of fonts and ``doodles``; ``skeleton`` turns
  images into strokes.

Imports only ``recognition`` (own digits and styles are preprocessed like any drawing), and is
imported by ``training``, ``lessons`` and ``commands``.
"""
