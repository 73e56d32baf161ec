// The arithmetic of a chart's axes.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createScale,
  extent,
  linearTicks,
  logRange,
  logTicks,
  lossRange,
  partOf,
  shiftRange,
  zoomRange,
} from "../../../demo/inkgrad_demo/web/scales.js";

const isNear = (actual, expected) =>
  assert.ok(
    actual.every((value, i) => Math.abs(value - expected[i]) < 1e-9 * Math.max(1, Math.abs(value))),
    `${actual} is not ${expected}`,
  );

test("a scale converts to shares and back", () => {
  for (const [range, logarithmic, middle] of [
    [[2, 6], false, 4],
    [[6, 2], false, 4],
    [[1, 100], true, 10],
  ]) {
    const scale = createScale(range, logarithmic);
    isNear([scale.share(range[0]), scale.share(middle), scale.share(range[1])], [0, 0.5, 1]);
    isNear([scale.value(0), scale.value(0.5), scale.value(1)], [range[0], middle, range[1]]);
  }
});

test("what has no logarithm lies far below, an empty range does no harm", () => {
  assert.ok(createScale([1, 10], true).share(0) < -100);
  assert.equal(createScale([3, 3]).share(3), 0);
});

test("linear ticks step by 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual(linearTicks([0, 10], 5), { values: [0, 2, 4, 6, 8, 10], decimals: 0 });
  assert.deepEqual(linearTicks([0, 1], 2), { values: [0, 0.5, 1], decimals: 1 });
  assert.deepEqual(linearTicks([-0.31, 0.11], 4).values, [-0.2, 0]);
  assert.deepEqual(linearTicks([0.001, 0.0035], 5), {
    values: [0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035],
    decimals: 4,
  });
  assert.deepEqual(linearTicks([7, 7], 5), { values: [7], decimals: 0 });
  assert.deepEqual(linearTicks([0, 2e6], 4).values, [0, 500000, 1000000, 1500000, 2000000]);
});

test("ticks are never many more than wanted, and lie in the range", () => {
  for (const range of [
    [0, 1e-6],
    [-3, 17.2],
    [0.5, 0.50001],
    [1e5, 3e9],
  ]) {
    for (const count of [1, 3, 8]) {
      const { values } = linearTicks(range, count);
      assert.ok(values.length <= count + 1, `${range}, ${count}: ${values}`);
      assert.ok(
        values.every((value) => value >= range[0] * (1 - 1e-9) - 1e-9 && value <= range[1] + 1e-9),
      );
    }
  }
});

test("logarithmic ticks are powers of ten, with 2 and 5 where there is room", () => {
  assert.deepEqual(logTicks([0.001, 10], 4).values, [0.001, 0.01, 0.1, 1, 10]);
  assert.deepEqual(logTicks([1, 100], 8).values, [1, 2, 5, 10, 20, 50, 100]);
  assert.deepEqual(logTicks([1e-8, 1e3], 4).values, [1e-6, 1e-3, 1, 1e3]);
  assert.equal(logTicks([1, 100], 8).decimals, null);
});

test("within a part of a decade logarithmic ticks are linear", () => {
  assert.deepEqual(logTicks([1, 2], 4).values, [1, 1.5, 2]);
});

test("ranges of values", () => {
  assert.deepEqual(extent([3, -1, 2]), [-1, 3]);
  assert.deepEqual(extent([]), [0, 1]);
  isNear(logRange([0, 1, 11]), [1 / 1.1, 12.1]);
  assert.deepEqual(logRange([0]), [0.1, 1]);
  assert.deepEqual(logRange([]), [0.1, 1]);
});

test("a few losses far above all others do not decide the range", () => {
  const losses = [...Array.from({ length: 199 }, (_, i) => 1 + i / 1000), 1e6];
  const [from, to] = lossRange(losses);
  assert.equal(from, 0);
  assert.ok(to > 1.2 && to < 1.5);
  assert.deepEqual(lossRange([]), [0, 1]);
  assert.ok(lossRange([2])[1] > 2); // a single loss is in view
});

test("zooming keeps the anchor where it is and stays within the full range", () => {
  const full = [0, 100];
  isNear(zoomRange(full, 0.5, 0.5, full), [25, 75]);
  isNear(zoomRange(full, 0.5, 0, full), [0, 50]);
  isNear(zoomRange([25, 75], 0.5, 0.2, full), [30, 55]); // 35 stays at a fifth
  isNear(zoomRange([0, 50], 1.5, 0, full), [0, 75]);
  assert.equal(zoomRange([25, 75], 2, 0.5, full), null); // everything again
  isNear(zoomRange([1, 100], 0.5, 0, [1, 100], true), [1, 10]);
});

test("parts and shifts of a range", () => {
  isNear(partOf([0, 10], [0.2, 0.5]), [2, 5]);
  isNear(partOf([1, 100], [0.5, 1], true), [10, 100]);
  isNear(shiftRange([20, 40], 0.5, [0, 100]), [30, 50]);
  isNear(shiftRange([80, 100], 0.5, [0, 100]), [80, 100]); // no farther
  isNear(shiftRange([10, 30], -1, [0, 100]), [0, 20]);
});
