import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, toBase64 } from "../../../demo/inkgrad_demo/web/base64.js";

test("bytes survive the way there and back, large ones too", () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.equal(toBase64(Uint8Array.of(1, 2, 255)), "AQL/");
});
