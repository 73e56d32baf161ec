// The read-out of a chart at the pointer.
import { make } from "./elements.js";
import { boxPixels } from "./shapes.js";

// The last point at or before x; undefined where all lie behind it. points: sorted [[x, y], ...]
export function pointAt(points, x) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= x) low = middle + 1;
    else high = middle;
  }
  return points[low - 1];
}

// The shape nearest to a place in pixels, of those that are at most `reach` pixels away.
export function nearestShape(shapes, place, { x, y }, reach = 40) {
  let [nearest, least] = [undefined, reach];
  for (const shape of shapes) {
    const { left, right, top, bottom } = boxPixels(shape, x, y);
    const aside = Math.max(left - place[0], place[0] - right, 0);
    const distance = Math.hypot(aside, Math.max(top - place[1], place[1] - bottom, 0));
    if (distance < least) [nearest, least] = [shape, distance];
  }
  return nearest;
}

// Fills the element with a head and rows of {color, name, value}.
export function fillReadout(element, head, rows, color) {
  const lines = rows.map((row) => {
    const swatch = make("i");
    swatch.style.background = color(row.color);
    return make("div", {}, [
      swatch,
      make("span", { textContent: row.name }),
      make("b", { textContent: row.value }),
    ]);
  });
  element.replaceChildren(make("div", { textContent: head }), ...lines);
}

// Puts the read-out beside x, on the side where it has room.
export function placeReadout(element, x, width) {
  const right = x + 10;
  const left = right + element.offsetWidth + 4 > width ? x - 10 - element.offsetWidth : right;
  element.style.left = `${Math.max(0, left)}px`;
}
