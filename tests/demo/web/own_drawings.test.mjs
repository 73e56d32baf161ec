// The user's labeled drawings: changes, and taking them back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOwnDrawings } from "../../../demo/inkgrad_demo/web/own_drawings.js";

const SEVEN = { label: 7, pixels: "AAAA" };
const ONE = { label: 1, pixels: "BBBB" };
const TWO = { label: 2, pixels: "CCCC" };

function kept(...drawings) {
  const own = createOwnDrawings();
  own.add(drawings, 10);
  return own;
}

test("the same drawing is kept once, and the newest ones stay", () => {
  const own = kept(SEVEN, ONE);
  own.add([{ ...SEVEN }], 10);
  assert.deepEqual(own.all, [SEVEN, ONE]);
  own.add([TWO], 2);
  assert.deepEqual(own.all, [ONE, TWO]);
});

test("each change is undone and done again", () => {
  const own = kept(SEVEN, ONE, TWO);
  const states = [own.all];
  own.relabel(1, 4);
  states.push(own.all);
  own.remove(0);
  states.push(own.all);
  own.clear();
  assert.deepEqual(
    states.map((all) => all.map(({ label }) => label)),
    [
      [7, 1, 2],
      [7, 4, 2],
      [4, 2],
    ],
  );
  for (const state of states.reverse()) {
    own.undo();
    assert.deepEqual(own.all, state);
  }
  own.redo();
  own.redo();
  assert.deepEqual(own.all, [{ ...ONE, label: 4 }, TWO]);
  own.add([SEVEN], 10);
  assert.equal(own.canRedo, false);
});

test("whoever watches hears of every change", () => {
  const own = kept(SEVEN);
  let calls = 0;
  own.watch(() => calls++);
  own.remove(0);
  own.undo();
  assert.equal(calls, 2);
});
