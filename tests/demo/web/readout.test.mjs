// The read-out of a chart at the pointer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestShape, pointAt } from "../../../demo/inkgrad_demo/web/readout.js";
import { box, dot } from "../../../demo/inkgrad_demo/web/shapes.js";

test("the last point at or before x", () => {
  const points = [
    [1, "a"],
    [3, "b"],
    [3, "c"],
    [8, "d"],
  ];
  assert.equal(pointAt(points, 0.5), undefined);
  assert.equal(pointAt(points, 1)[1], "a");
  assert.equal(pointAt(points, 3)[1], "c");
  assert.equal(pointAt(points, 7.9)[1], "c");
  assert.equal(pointAt(points, 100)[1], "d");
  assert.equal(pointAt([], 1), undefined);
});

test("the nearest shape, if one is near", () => {
  const scales = { x: (value) => 10 * value, y: (value) => 100 - value };
  const far = dot(1, 10, "red");
  const near = box([5, 20], [8, 30], "blue");
  const nearestTo = (place) => nearestShape([far, near], place, scales);
  assert.equal(nearestTo([60, 75]), near); // inside
  assert.equal(nearestTo([60, 50]), near); // above
  assert.equal(nearestTo([20, 90]), far);
  assert.equal(nearestTo([60, 10]), undefined);
});
