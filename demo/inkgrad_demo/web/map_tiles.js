// All maps of a layer, {channels, height, width, values}, as tiles of one picture, and frames around
// cells of them. The canvas lies in a .tiles, beside a .frames.
import { valueAt } from "./convolution.js";
import { make } from "./elements.js";
import { paintNumbers, placeFrame } from "./matrices.js";

export function createMapTiles(canvas, maxColumns) {
  const place = canvas.parentElement;
  const frames = place.querySelector(".frames");
  let maps = null;
  let columns = 1;

  return {
    paint(newest) {
      maps = newest;
      columns = Math.min(maxColumns, maps.channels);
      const { channels, height, width } = maps;
      const rows = Math.ceil(channels / columns);
      const numbers = Array.from({ length: rows * height }, (_, y) =>
        Array.from({ length: columns * width }, (__, x) => {
          const channel = Math.floor(y / height) * columns + Math.floor(x / width);
          return channel < channels ? valueAt(maps, channel, y % height, x % width) : 0;
        }),
      );
      paintNumbers(canvas, numbers);
      canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
      place.style.setProperty("--across", columns);
      place.style.setProperty("--down", rows);
    },
    // Frames around cells x cells of some channels.
    frame(channels, row, column, cells) {
      const made = channels.map((channel) => {
        const window = make("div", { className: "window" });
        const top = Math.floor(channel / columns) * maps.height + row;
        placeFrame(window, canvas, top, (channel % columns) * maps.width + column, cells);
        return window;
      });
      frames.replaceChildren(...made);
    },
    clear: () => frames.replaceChildren(),
    // The number of a map that a cell of the picture shows.
    at(row, column) {
      const { height, width } = maps;
      const channel = Math.floor(row / height) * columns + Math.floor(column / width);
      return { channel, y: row % height, x: column % width };
    },
  };
}
