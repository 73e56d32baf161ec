// Colors as pixels.
import assert from "node:assert/strict";
import { test } from "node:test";
import { colorMap, GRAYS, pixel } from "../../../demo/inkgrad_demo/web/pixels.js";

const bytesOf = (value) => [...new Uint8Array(Int32Array.of(value).buffer)];

test("a pixel is red, green, blue and opaque in memory", () => {
  assert.deepEqual(bytesOf(pixel(1, 2, 3)), [1, 2, 3, 255]);
});

test("a color map goes through its colors evenly", () => {
  const map = colorMap([
    [0, 0, 0],
    [100, 0, 0],
    [100, 200, 50],
  ]);
  assert.equal(map.length, 256);
  assert.deepEqual(bytesOf(map[0]), [0, 0, 0, 255]);
  assert.deepEqual(bytesOf(map[255]), [100, 200, 50, 255]);
  const [red, green] = bytesOf(map[127]);
  assert.ok(red >= 99 && green <= 1);
});

test("grays", () => {
  assert.deepEqual(bytesOf(GRAYS[0]), [0, 0, 0, 255]);
  assert.deepEqual(bytesOf(GRAYS[128]), [128, 128, 128, 255]);
});
