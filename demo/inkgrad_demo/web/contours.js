import { channelsOf } from "./colors.js";

const SIDE = 320; // pixels
const BANDS = 14;

// A loss over a plane as an image, side x side: bands of equal loss with lines between them. They
// are even in the loss's root (in the distance from the minimum of a parabola) or, if the field is
// `even`, in the loss itself.
export function contours({ values, even = false }, paperColor, inkColor) {
  const image = new OffscreenCanvas(SIDE, SIDE);
  const context = image.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const [paper, ink] = [channelsOf(paperColor), channelsOf(inkColor)];
  const bands = bandsOf(values, even ? (value) => value : Math.sqrt);
  for (let i = 0; i < bands.length; i++) {
    const isBorder =
      bands[i] !== (bands[i + SIDE] ?? bands[i]) || (i % SIDE && bands[i] !== bands[i - 1]);
    const depth = isBorder ? 0.02 : 0.1 + 0.5 * (bands[i] / BANDS);
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * i + channel] = paper[channel] + depth * (ink[channel] - paper[channel]);
    }
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return image;
}

// The band of every pixel, row by row from the top, where y is largest.
function bandsOf(values, scaled) {
  const max = scaled(Math.max(...values.map((row) => Math.max(...row))));
  const [rows, columns] = [values.length - 1, values[0].length - 1];
  const bands = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bands.length; i++) {
    const row = ((SIDE - 1 - Math.floor(i / SIDE)) / (SIDE - 1)) * rows;
    const column = ((i % SIDE) / (SIDE - 1)) * columns;
    bands[i] = (BANDS * scaled(interpolate(values, row, column))) / max;
  }
  return bands;
}

// Bilinearly, between four of the values.
export function interpolate(values, row, column) {
  const top = Math.min(Math.floor(row), values.length - 2);
  const left = Math.min(Math.floor(column), values[0].length - 2);
  const [below, beside] = [row - top, column - left];
  const mix = (each) => each[left] * (1 - beside) + each[left + 1] * beside;
  return mix(values[top]) * (1 - below) + mix(values[top + 1]) * below;
}
