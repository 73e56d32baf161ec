// Pictures painted pixel by pixel.

// A pixel as ImageData keeps it: four bytes, red first, in one little-endian number.
export const pixel = (red, green, blue) => (255 << 24) | (blue << 16) | (green << 8) | red;

// 256 pixels through the given colors, evenly spaced.
export function colorMap(colors) {
  return Int32Array.from({ length: 256 }, (_, level) => {
    const position = (level / 255) * (colors.length - 1);
    const index = Math.min(Math.floor(position), colors.length - 2);
    const mix = (from, channel) => from + (position - index) * (colors[index + 1][channel] - from);
    return pixel(...colors[index].map(mix));
  });
}

export const GRAYS = colorMap([
  [0, 0, 0],
  [255, 255, 255],
]);

// Makes the canvas width x height pixels; color(i) is the i-th of them.
export function fillPixels(canvas, width, height, color) {
  Object.assign(canvas, { width, height });
  const data = new ImageData(width, height);
  const pixels = new Int32Array(data.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = color(i);
  canvas.getContext("2d").putImageData(data, 0, 0);
}
