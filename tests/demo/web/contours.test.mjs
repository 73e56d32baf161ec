import assert from "node:assert/strict";
import { test } from "node:test";
import { interpolate } from "../../../demo/inkgrad_demo/web/contours.js";

const VALUES = [
  [0, 1, 2],
  [10, 11, 12],
];

test("between four values", () => {
  assert.equal(interpolate(VALUES, 0, 0), 0);
  assert.equal(interpolate(VALUES, 1, 2), 12); // the last corner
  assert.equal(interpolate(VALUES, 0.5, 1.5), 6.5);
});
