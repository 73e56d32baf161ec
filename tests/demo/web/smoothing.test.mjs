// The smoothing of curves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { smooth } from "../../../demo/inkgrad_demo/web/smoothing.js";

test("without weight the points stay", () => {
  const points = [
    [0, 3],
    [1, 1],
  ];
  assert.deepEqual(smooth(points, 0), points);
  assert.deepEqual(smooth([], 0.9), []);
});

test("a constant stays, from the first point on, and a step is followed late", () => {
  const constant = [0, 1, 2].map((x) => [x, 5]);
  for (const [i, [x, y]] of smooth(constant, 0.9).entries()) {
    assert.equal(x, i);
    assert.ok(Math.abs(y - 5) < 1e-12);
  }
  const [, [, second]] = smooth(
    [
      [0, 0],
      [1, 1],
    ],
    0.5,
  );
  assert.ok(Math.abs(second - 2 / 3) < 1e-12); // (0.25 * 0 + 0.5 * 1) / 0.75
});
