// A run's status, brought up to date by the answers to polls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeStatus } from "../../../demo/inkgrad_demo/web/run_status.js";

test("new rows follow those that stay, all else is replaced", () => {
  const first = mergeStatus(undefined, {
    state: "training",
    curve: [[1], [2]],
    from: { curve: 0 },
  });
  assert.deepEqual(first.curve, [[1], [2]]);
  const next = mergeStatus(first, { state: "finished", curve: [[3]], from: { curve: 1 } });
  assert.deepEqual(next.curve, [[1], [3]]);
  assert.equal(next.state, "finished");
  assert.deepEqual(first.curve, [[1], [2]]); // as it was
});
