// The table of the symbols that are marked in the lessons.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SERIES } from "../../../demo/inkgrad_demo/web/colors.js";
import { NAMES, SYMBOLS } from "../../../demo/inkgrad_demo/pages/lessons/symbols.js";

test("a word stands for one symbol in each place", () => {
  for (const [place, names] of Object.entries(NAMES)) {
    const words = Object.values(SYMBOLS).flatMap((each) => each[place]);
    assert.equal(names.size, words.length, place);
  }
});

test("every symbol has a color of the theme, and can be in two places", () => {
  for (const [name, { color, formula, code, widget }] of Object.entries(SYMBOLS)) {
    assert.ok(SERIES.includes(color), name);
    assert.ok([formula, code, widget].filter((words) => words.length).length > 1, name);
  }
});
