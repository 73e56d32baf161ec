// Texts of the catalogues with their values.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fill } from "../../../demo/inkgrad_demo/web/words.js";

test("values are filled in, and nouns follow their number", () => {
  const text = "{n} {n:epoch|epochs}, {left} {left:run is|runs are} left";
  assert.equal(fill(text, { n: 1, left: 2 }), "1 epoch, 2 runs are left");
  assert.equal(fill(text, { n: "1,000", left: "1" }), "1,000 epochs, 1 run is left");
  assert.equal(fill("{n} 轮", { n: 1 }), "1 轮");
});
