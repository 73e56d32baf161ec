// Numbers as pictures, frames around their cells, and small matrices of them.
import { fillPixels, GRAYS, pixel } from "./pixels.js";

// Positive numbers black on white; with negative ones red is above zero, blue below.
export function paintNumbers(canvas, rows) {
  const values = rows.flat();
  const max = Math.max(...values.map(Math.abs)) || 1;
  const isSigned = Math.min(...values) < -1e-9;
  fillPixels(canvas, rows[0].length, rows.length, (i) => {
    const share = values[i] / max;
    if (!isSigned) return GRAYS[Math.round(255 * (1 - share))];
    const pale = 255 * (1 - Math.abs(share));
    return share < 0 ? pixel(pale, pale + (255 - pale) * 0.35, 255) : pixel(255, pale, pale);
  });
}

// Puts the picture's one frame around cells.
export function frameCells(canvas, row, column, cells) {
  placeFrame(canvas.parentElement.querySelector(".window"), canvas, row, column, cells);
}

// Puts a frame around cells of a painted picture.
export function placeFrame({ style }, canvas, row, column, cells) {
  const part = (count, whole) => `${(100 * count) / whole}%`;
  Object.assign(style, {
    left: part(column, canvas.width),
    top: part(row, canvas.height),
    width: part(cells, canvas.width),
    height: part(cells, canvas.height),
  });
}

// The end of a sum, kept on one line.
export const outcomeHtml = (sign, total) =>
  `<span class="outcome"><b>${sign}</b> <span class="total">${total}</span></span>`;

// A square matrix, row by row, of numbers with two decimals; brief as in numbers.js. --share is the
// size of a number beside the largest.
export function matrixHtml(values, brief) {
  const max = Math.max(...values.map(Math.abs)) || 1;
  const spans = values.map((value) => {
    const sign = value < 0 ? ' class="below"' : "";
    const share = Math.abs(value / max).toFixed(2);
    return `<span${sign} style="--share: ${share}">${brief(Number(value.toFixed(2)))}</span>`;
  });
  return `<div class="matrix" style="--side: ${Math.sqrt(values.length)}">${spans.join("")}</div>`;
}
