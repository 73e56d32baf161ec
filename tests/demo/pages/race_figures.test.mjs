// The figures of a race, from the status of its runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareLosses,
  examplesPerSecond,
} from "../../../demo/inkgrad_demo/pages/train/race_figures.js";

const curve = (...losses) => losses.map((loss, i) => [10 * (i + 1), 0, 0, loss]);

test("losses are the same up to the first that differs by more than the limit", () => {
  assert.deepEqual(compareLosses(curve(2, 1, 0.5), curve(2, 1, 0.5 + 1e-7), 1e-6), {
    points: 3,
    count: 30,
    same: 30,
    largest: 0.5 + 1e-7 - 0.5,
  });
  const drifted = compareLosses(curve(2, 1, 0.5, 0.25), curve(2, 1.5, 0.5, 0.5), 1e-6);
  assert.deepEqual(drifted, { points: 4, count: 40, same: 10, largest: 0.5 });
  assert.equal(compareLosses(curve(2), curve(3), 1e-6).same, 0);
});

test("only steps that both have are compared", () => {
  const { points, count } = compareLosses(curve(2, 1, 0.5), [[20, 0, 0, 1]], 1e-6);
  assert.deepEqual([points, count], [1, 20]);
  assert.equal(compareLosses([], curve(1), 1e-6).points, 0);
});

test("the speed is that of the whole run so far", () => {
  const status = { state: "training", done: 5, steps: 10, settings: { epochs: 2 }, examples: 300 };
  assert.equal(examplesPerSecond({ ...status, seconds: 3 }), 100);
  assert.equal(examplesPerSecond({ ...status, seconds: 0 }), 0);
  assert.equal(examplesPerSecond({ ...status, state: "finished", seconds: 3 }), 200);
});
