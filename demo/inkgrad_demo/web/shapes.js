// The shapes of charts: plain objects in the units of the chart's axes, and how they are painted.
//
// Colors are names of the theme ("blue" stands for --ink-blue). A line with a name stands in the
// legend and the read-out. A dot or a box with a `details` text stands in the read-out by itself.
import { contours } from "./contours.js";
import { regions } from "./regions.js";

const FAR = 1e5; // pixels: what lies farther away is out of sight

// points: [[x, y], ...]; dots: their radius; dashes as for setLineDash
export const line = (
  points,
  color,
  { name = "", width = 2, dashes = [], dots = 0, opacity = 1 } = {},
) => ({ kind: "line", points, color, name, width, dashes, dots, opacity });

export const dot = (
  x,
  y,
  color,
  { radius = 5, ring = "", opacity = 1, name = "", details = "" } = {},
) => ({ kind: "dot", points: [[x, y]], color, radius, ring, opacity, name, details });

export const cross = (x, y, color) => ({ kind: "cross", points: [[x, y]], color });

// A rectangle between two corners.
export const box = (corner, opposite, color, { opacity = 1, name = "", details = "" } = {}) => ({
  kind: "box",
  points: [corner, opposite],
  color,
  opacity,
  name,
  details,
});

// A vertical line through the whole chart.
export const rule = (x, color, { dashes = [] } = {}) => ({
  kind: "rule",
  points: [],
  x,
  color,
  dashes,
});

// Words at a place; shift: [right, down] in pixels
export const label = (x, y, words, color, { align = "left", shift = [0, 0], width } = {}) => ({
  kind: "label",
  points: [[x, y]],
  words,
  color,
  align,
  shift,
  width,
});

// A loss seen from above: {x, y, values, even}, values[i][j] from 0 up at the i-th y and j-th x. With
// a name the read-out shows its values.
export const field = (data, { name = "" } = {}) => ({
  kind: "field",
  data,
  name,
  points: [
    [data.x[0], data.y[0]],
    [data.x[1], data.y[1]],
  ],
});

// Values over a plane in two colors: {x, y, values, low, high}, values[i][j] at the i-th y and j-th
// x; a line where they cross the middle of [low, high].
export const region = (data, { name = "" } = {}) => ({ ...field(data, { name }), kind: "region" });

const nearby = (pixels) => Math.min(FAR, Math.max(-FAR, pixels));

// Paints the shape: {context, x, y, area, color} with x and y from units to pixels, `area` the
// rectangle {left, top, right, bottom} of the axes and color(name) the CSS color.
export function paintShape(shape, painter) {
  const { context, color } = painter;
  const x = (value) => nearby(painter.x(value));
  const y = (value) => nearby(painter.y(value));
  if (shape.color) context.strokeStyle = context.fillStyle = color(shape.color);
  context.globalAlpha = shape.opacity ?? 1;
  PAINT[shape.kind](shape, { ...painter, x, y });
  context.globalAlpha = 1;
}

const PAINT = {
  line({ points, width, dashes, dots }, { context, x, y }) {
    context.lineWidth = width;
    context.lineJoin = "round";
    context.setLineDash(dashes);
    context.beginPath();
    for (const [px, py] of points) context.lineTo(x(px), y(py));
    context.stroke();
    context.setLineDash([]);
    for (const [px, py] of dots ? points : []) disk(context, x(px), y(py), dots);
  },

  dot({ points: [[px, py]], radius, ring }, { context, x, y, color }) {
    disk(context, x(px), y(py), radius);
    if (!ring) return;
    context.strokeStyle = color(ring);
    context.lineWidth = 2;
    context.stroke();
  },

  cross({ points: [[px, py]] }, { context, x, y }) {
    const [left, top] = [x(px), y(py)];
    context.lineWidth = 2;
    context.beginPath();
    for (const slant of [1, -1]) {
      context.moveTo(left - 5, top - 5 * slant);
      context.lineTo(left + 5, top + 5 * slant);
    }
    context.stroke();
  },

  box(shape, { context, x, y }) {
    const { left, top, right, bottom } = boxPixels(shape, x, y);
    context.fillRect(left, top, Math.max(1, right - left), bottom - top);
  },

  rule({ x: value, dashes }, { context, x, area }) {
    context.lineWidth = 1.2;
    context.setLineDash(dashes);
    context.beginPath();
    context.moveTo(x(value), area.top);
    context.lineTo(x(value), area.bottom);
    context.stroke();
    context.setLineDash([]);
  },

  label({ points: [[px, py]], words, align, shift, width }, { context, x, y }) {
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(words, x(px) + shift[0], y(py) + shift[1], width);
  },

  field({ data }, painter) {
    const [paper, ink] = ["card", "accent"].map(painter.color);
    paintPlane(data, painter, paper + ink, () => contours(data, paper, ink));
  },

  region({ data }, painter) {
    const colors = ["blue", "card", "red", "text"].map(painter.color);
    paintPlane(data, painter, colors.join(), () => regions(data, colors));
  },
};

const images = new WeakMap(); // of planes, by their data: {look, image}

function paintPlane(data, { context, x, y }, look, make) {
  if (images.get(data)?.look !== look) images.set(data, { look, image: make() });
  const [left, top] = [x(data.x[0]), y(data.y[1])];
  context.imageSmoothingEnabled = true;
  const [across, down] = [x(data.x[1]) - left, y(data.y[0]) - top];
  context.drawImage(images.get(data).image, left, top, across, down);
}

function disk(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

// Where a dot or a box lies on the canvas.
export function boxPixels({ points }, x, y) {
  const [xs, ys] = [points.map((point) => x(point[0])), points.map((point) => y(point[1]))];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  return { left, right, top: Math.min(...ys), bottom: Math.max(...ys) };
}
