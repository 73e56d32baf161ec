// The order of the list of runs, and its filter.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  filtered,
  sorted,
  startsDescending,
} from "../../../../demo/inkgrad_demo/pages/compare/rows.js";

const words = {
  model: ({ model }) => `Model ${model}`,
  data: ({ data }) => data,
  state: ({ state }) => state,
};
const run = (id, more) => ({
  id,
  name: "",
  note: "",
  model: "cnn",
  data: "MNIST",
  state: "finished",
  accuracy: null,
  created: `2026-11-26T04:00:0${id}.000+00:00`,
  ...more,
});
const RUNS = [
  run(1, { name: "trial 10", accuracy: 0.9 }),
  run(2, { name: "trial 9", accuracy: 0.95, note: "with Momentum" }),
  run(3, { model: "softmax", data: "kinds.csv" }),
  run(4, { accuracy: 0.9 }),
];
const order = (column, descending) =>
  sorted(RUNS, { column, descending }, words, "en").map(({ id }) => id);

test("names are sorted as people count, and what is missing comes last", () => {
  assert.deepEqual(order("name", false), [2, 1, 4, 3]);
  assert.deepEqual(order("name", true), [1, 2, 4, 3]);
  assert.deepEqual(order("accuracy", true), [2, 4, 1, 3]); // of equal ones the newest first
  assert.deepEqual(order("accuracy", false), [4, 1, 2, 3]);
  assert.deepEqual(order("created", true), [4, 3, 2, 1]);
  assert.equal(startsDescending("accuracy"), true);
  assert.equal(startsDescending("name"), false);
});

test("all words of the filter are found, wherever they stand", () => {
  const found = (query, model = "", data = "") =>
    filtered(RUNS, { query, model, data }, words).map(({ id }) => id);
  assert.deepEqual(found(""), [1, 2, 3, 4]);
  assert.deepEqual(found("  MOMENTUM trial"), [2]);
  assert.deepEqual(found("trial nothing"), []);
  assert.deepEqual(found("", "softmax"), [3]);
  assert.deepEqual(found("trial", "", "MNIST"), [1, 2]);
});
