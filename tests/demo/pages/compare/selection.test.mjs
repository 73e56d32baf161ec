// The selected runs: the first of them have colors, which stay.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelection } from "../../../../demo/inkgrad_demo/pages/compare/selection.js";

test("a color stays with its run and goes to the next one when it is free", () => {
  const selection = createSelection(2);
  selection.set(["a", "b", "c"]);
  assert.deepEqual(selection.compared, ["a", "b"]);
  assert.deepEqual([selection.color("a"), selection.color("c")], ["blue", undefined]);
  assert.deepEqual(selection.ids, ["a", "b", "c"]);
  selection.set(["b", "c"]);
  assert.deepEqual([selection.color("b"), selection.color("c")], ["red", "blue"]);
  assert.equal(selection.has("a"), false);
});
