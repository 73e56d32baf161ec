import { channelsOf } from "./colors.js";
import { interpolate } from "./contours.js";
import { colorMap, fillPixels } from "./pixels.js";

const SIDE = 240; // pixels
const STRENGTH = 0.55; // of the colors at the ends of the range: points lie on them

// 256 pixels from one color over that of the paper to another, all as CSS.
export function twoColors(lowColor, paperColor, highColor, strength = STRENGTH) {
  const [low, paper, high] = [lowColor, paperColor, highColor].map(channelsOf);
  const onPaper = (channels) =>
    channels.map((value, i) => paper[i] + strength * (value - paper[i]));
  return colorMap([onPaper(low), paper, onPaper(high)]);
}

// Values over a plane as an image: one color below the middle of [low, high], another above it, and
// a line between them.
export function regions({ values, low, high }, [lowColor, paperColor, highColor, lineColor]) {
  const map = twoColors(lowColor, paperColor, highColor);
  const [line] = colorMap([channelsOf(lineColor), channelsOf(lineColor)]);
  const levels = levelsOf(values, low, high);
  const isAbove = (i) => levels[i] >= 127.5;
  const isBorder = (i) =>
    (i >= SIDE && isAbove(i) !== isAbove(i - SIDE)) || (i % SIDE && isAbove(i) !== isAbove(i - 1));
  const image = new OffscreenCanvas(SIDE, SIDE);
  fillPixels(image, SIDE, SIDE, (i) => (isBorder(i) ? line : map[Math.round(levels[i])]));
  return image;
}

// From 0 to 255, pixel by pixel, row by row from the top, where y is largest.
function levelsOf(values, low, high) {
  const [rows, columns] = [values.length - 1, values[0].length - 1];
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const row = ((SIDE - 1 - Math.floor(i / SIDE)) / (SIDE - 1)) * rows;
    const value = interpolate(values, row, ((i % SIDE) / (SIDE - 1)) * columns);
    return 255 * Math.min(1, Math.max(0, (value - low) / (high - low)));
  });
}
