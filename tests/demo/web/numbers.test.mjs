// Numbers as text, in the page's language.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createNumbers } from "../../../demo/inkgrad_demo/web/numbers.js";

const english = createNumbers(() => "en");
const german = createNumbers(() => "de");

test("the language decides", () => {
  assert.equal(english.number(1234.5, 2), "1,234.50");
  assert.equal(german.number(1234.5, 2), "1.234,50");
  let language = "en";
  const numbers = createNumbers(() => language);
  language = "de"; // chosen later
  assert.equal(numbers.number(0.5, 1), "0,5");
});

test("scientific notation", () => {
  assert.equal(english.scientific(1.23e-7), "1.2 × 10⁻⁷");
  assert.equal(english.scientific(-4e12), "-4.0 × 10¹²");
  assert.equal(english.scientific(0), "0");
});

test("brief numbers have no trailing zeros", () => {
  assert.equal(english.brief(2), "2");
  assert.equal(english.brief(0.1 + 0.2), "0.3");
  assert.equal(english.brief(2.34567), "2.346");
  assert.equal(english.brief(1e-5), "1.0 × 10⁻⁵");
});

test("steady numbers always have the decimals of their size", () => {
  assert.deepEqual([0, 0.5, 1, 12.3456, 123.456, 1234.56].map(english.steady), [
    "0.0000",
    "0.5000",
    "1.000",
    "12.35",
    "123.5",
    "1,235",
  ]);
  assert.equal(english.steady(1e-9), "1.0 × 10⁻⁹");
});

test("a rounded 100 % is never claimed", () => {
  assert.equal(english.percent(0.99951), "> 99.9 %");
  assert.equal(english.percent(0.99996, 2), "> 99.99 %");
  assert.equal(english.percent(0.99951, 2), "99.95 %");
  assert.equal(english.percent(0.5), "50.0 %");
  assert.equal(english.percent(1), "100 %"); // all of them
  assert.equal(english.probability(1), "> 99.9 %");
  assert.equal(english.probability(0.5), "50.0 %");
});

test("labels of ticks", () => {
  assert.equal(english.tickLabel(0.5, 1), "0.5");
  assert.equal(english.tickLabel(1, 1), "1.0"); // as its neighbors
  assert.equal(english.tickLabel(1e-6, null), "10⁻⁶");
  assert.equal(english.tickLabel(2e-6, null), "2 × 10⁻⁶");
  assert.equal(english.tickLabel(0.01, null), "0.01");
  assert.equal(english.tickLabel(2e7, 0), "2 × 10⁷");
  assert.equal(english.tickLabel(0, 8), "0");
});

test("times in the unit that suits", () => {
  assert.deepEqual([2.5e-9, 3.25e-6, 0.0123, 0.9996, 12.34, 345.6].map(english.duration), [
    "2.50 ns",
    "3.25 µs",
    "12.3 ms",
    "1.00 s",
    "12.3 s",
    "346 s",
  ]);
});

test("megabytes", () => assert.equal(english.megabytes(2_560_000), "2.6 MB"));
