// Strokes rasterized for the network.
//
// A stroke is {width, points: [x, y, x, y, ...]} in units of the pad's side, so that a drawing does
// not depend on the resolution or the orientation of the screen. A picture may take a stroke's
// place: {side, levels, points: []}, side x side bytes in base64 from 0 (paper) to 255 (ink); or a
// picture file, {photo, points: []} in base64, which has no strokes.
import { fromBase64 } from "./base64.js";

// A raster of side x side bytes that strokes are added to.
export function createRaster(side) {
  const pixels = new Uint8Array(side * side);

  function darken(row, column, level) {
    const index = row * side + column;
    if (level > pixels[index]) pixels[index] = level;
  }

  // A segment with round ends. A pixel's ink is how far its center lies inside, full after one
  // pixel (anti-aliasing).
  function capsule(x0, y0, x1, y1, radius) {
    const reach = radius + 1;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(side, Math.ceil(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(side, Math.ceil(Math.max(y0, y1) + reach));
    const dx = x1 - x0;
    const dy = y1 - y0;
    const squared = dx * dx + dy * dy || 1; // a dot has no direction: its nearest point is its start
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const px = column + 0.5 - x0;
        const py = row + 0.5 - y0;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
        const ink = radius + 0.5 - Math.hypot(px - along * dx, py - along * dy);
        darken(row, column, Math.round(255 * Math.min(1, Math.max(0, ink))));
      }
    }
  }

  function addPicture(rows, levels) {
    const nearest = (index) => Math.floor((index * rows) / side);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        darken(row, column, levels[nearest(row) * rows + nearest(column)]);
      }
    }
  }

  return {
    pixels,
    clear: () => pixels.fill(0),
    // Adds the segments that end at index `from` of the stroke's points or later.
    add({ width, points, side: rows, levels, photo }, from = 0) {
      if (photo) return;
      if (levels) return addPicture(rows, fromBase64(levels));
      const radius = (width * side) / 2;
      for (let i = Math.max(from - 2, 0); i < Math.max(points.length - 2, 2); i += 2) {
        const j = Math.min(i + 2, points.length - 2);
        const ends = [points[i], points[i + 1], points[j], points[j + 1]];
        capsule(...ends.map((value) => value * side), radius);
      }
    },
  };
}
