// The stops of the Train page's sliders.
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, STOPS } from "../../../demo/inkgrad_demo/pages/train/sliders.js";

test("the nearest stop, by factors", () => {
  assert.equal(STOPS.lr[placeOf(STOPS.lr, 0.01)], 0.01);
  assert.equal(STOPS.lr[placeOf(STOPS.lr, 0.0031)], 0.002);
  assert.equal(STOPS.lr[placeOf(STOPS.lr, 900)], 10);
  assert.equal(STOPS.batch_size[placeOf(STOPS.batch_size, 100)], 128);
  assert.equal(STOPS.batch_size[placeOf(STOPS.batch_size, 0)], 0);
  assert.equal(placeOf(STOPS.batch_size, 0), STOPS.batch_size.length - 1);
  assert.equal(placeOf(STOPS.epochs, Number.NaN), 0);
});

test("stops ascend", () => {
  for (const [name, stops] of Object.entries(STOPS)) {
    const ascending = name === "batch_size" ? stops.slice(0, -1) : stops;
    assert.deepEqual(
      ascending,
      [...ascending].sort((a, b) => a - b),
      name,
    );
  }
});
