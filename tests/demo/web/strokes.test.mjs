// Strokes rasterized for the network.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64 } from "../../../demo/inkgrad_demo/web/base64.js";
import { createRaster } from "../../../demo/inkgrad_demo/web/strokes.js";

const SIDE = 20;
const ink = ({ pixels }) => pixels.reduce((sum, level) => sum + level, 0) / 255;

test("a dot is a disk", () => {
  const raster = createRaster(SIDE);
  raster.add({ width: 0.4, points: [0.5, 0.5] });
  assert.equal(raster.pixels[10 * SIDE + 10], 255);
  assert.equal(raster.pixels[0], 0);
  assert.ok(Math.abs(ink(raster) - Math.PI * 4 ** 2) < 1.5); // radius 4
});

test("a segment is a rectangle with round ends", () => {
  const raster = createRaster(SIDE);
  raster.add({ width: 0.2, points: [0.2, 0.5, 0.8, 0.5] });
  assert.ok(Math.abs(ink(raster) - (12 * 4 + Math.PI * 2 ** 2)) < 2);
});

test("its edge is smooth", () => {
  const raster = createRaster(SIDE);
  raster.add({ width: 0.2, points: [0.2, 0.5, 0.8, 0.53] });
  assert.ok(raster.pixels.some((level) => level > 0 && level < 255));
});

test("added piece by piece a stroke is the same", () => {
  const points = [0.1, 0.2, 0.5, 0.3, 0.7, 0.8, 0.3, 0.9];
  const whole = createRaster(SIDE);
  whole.add({ width: 0.1, points });
  const pieces = createRaster(SIDE);
  for (const count of [2, 4, 8]) {
    const known = { 2: 0, 4: 2, 8: 4 }[count];
    pieces.add({ width: 0.1, points: points.slice(0, count) }, known);
  }
  assert.deepEqual(pieces.pixels, whole.pixels);
});

test("a stroke that leaves the pad is cut off at its edge", () => {
  const raster = createRaster(SIDE);
  raster.add({ width: 0.2, points: [-0.5, 0.5, 1.5, 0.5] });
  assert.equal(raster.pixels[10 * SIDE], 255);
  assert.equal(raster.pixels[10 * SIDE + SIDE - 1], 255);
  assert.ok(ink(raster) < SIDE * 5);
});

test("a picture is scaled by its nearest pixels, and ink never gets lighter", () => {
  const raster = createRaster(4);
  raster.add({ width: 0.25, points: [0.9, 0.1] }); // into the corner that the picture leaves white
  raster.add({ side: 2, levels: toBase64(Uint8Array.of(10, 0, 30, 40)), points: [] });
  const [first, last] = [raster.pixels.slice(0, 4), raster.pixels.slice(12)].map((row) => [...row]);
  assert.deepEqual(first.slice(0, 2), [10, 10]);
  assert.ok(first[3] > 0);
  assert.deepEqual(last, [30, 30, 40, 40]);
});

test("clearing leaves paper", () => {
  const raster = createRaster(SIDE);
  raster.add({ width: 0.4, points: [0.5, 0.5] });
  raster.clear();
  assert.equal(ink(raster), 0);
});
