// The computation of one number of a feature map.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bySize, convolutionTerms, patchOf } from "../../../demo/inkgrad_demo/web/convolution.js";

// Two maps of 2 x 3.
const MAPS = {
  channels: 2,
  height: 2,
  width: 3,
  values: [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60],
};

test("a patch is read row by row", () => {
  assert.deepEqual(patchOf(MAPS, 1, 0, 1, 2), [20, 30, 50, 60]);
});

test("outside the map there is padding", () => {
  assert.deepEqual(patchOf(MAPS, 0, -1, -1, 2), [0, 0, 0, 1]);
  assert.deepEqual(patchOf(MAPS, 0, 1, 2, 2), [6, 0, 0, 0]);
});

test("each input map has its own kernel", () => {
  const kernels = [1, 0, 0, 1, 0, -1, 0, 0];
  const terms = convolutionTerms(MAPS, kernels, 0, 0, 2);
  assert.deepEqual(
    terms.map(({ sum }) => sum),
    [1 + 5, -20],
  );
  assert.deepEqual(terms[0].products, [1, 0, 0, 5]);
  assert.deepEqual(
    bySize(terms).map(({ from }) => from),
    [1, 0],
  );
});
