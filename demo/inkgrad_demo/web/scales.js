// The arithmetic of a chart's axes. A range is [from, to]; a share is 0 at its start and 1 at its end.

const TINY = 1e-300; // instead of what has no logarithm
const ROUNDING = 1e-9;

const identity = (value) => value;

// Converts between values and shares of the range.
export function createScale([from, to], logarithmic = false) {
  const scaled = logarithmic ? (value) => Math.log10(Math.max(value, TINY)) : identity;
  const raised = logarithmic ? (exponent) => 10 ** exponent : identity;
  const start = scaled(from);
  const span = scaled(to) - start || 1;
  return {
    share: (value) => (scaled(value) - start) / span,
    value: (share) => raised(start + share * span),
  };
}

// About `count` ticks in steps of 1, 2 or 5 times a power of ten, and the decimals that they need.
export function linearTicks([from, to], count) {
  const rough = (to - from) / Math.max(1, count);
  if (!(rough > 0)) return { values: [from], decimals: 0 };
  const power = Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * 10 ** power).find((each) => each >= rough);
  const first = Math.ceil(from / step - ROUNDING);
  const last = Math.floor(to / step + ROUNDING);
  const values = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + ROUNDING)) };
}

// Powers of ten, about `count` of them; where few lie in the range 2 and 5 times these as well.
export function logTicks([from, to], count) {
  const first = Math.floor(Math.log10(from) + ROUNDING);
  const last = Math.floor(Math.log10(to) + ROUNDING);
  const decades = Math.log10(to / from);
  if (decades < 0.5) return { values: linearTicks([from, to], count).values, decimals: null };
  const stride = Math.max(1, Math.ceil(decades / Math.max(1, count)));
  const factors = decades * 3 <= count + 3 ? [1, 2, 5] : [1];
  const values = [];
  for (let exponent = Math.ceil(first / stride) * stride; exponent <= last; exponent += stride) {
    for (const factor of factors) values.push(Number(`${factor}e${exponent}`));
  }
  const slack = 1 + ROUNDING;
  return {
    values: values.filter((value) => value * slack >= from && value <= to * slack),
    decimals: null,
  };
}

export function extent(values) {
  let [from, to] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < from) from = value;
    if (value > to) to = value;
  }
  return from <= to ? [from, to] : [0, 1];
}

// The range of losses, from 0: a few that are far above all others do not decide it.
export function lossRange(losses) {
  if (losses.length === 0) return [0, 1];
  const sorted = [...losses].sort((a, b) => a - b);
  const nearlyAll = sorted[Math.floor(0.985 * (sorted.length - 1))];
  return [0, Math.max(nearlyAll * 1.1, sorted[0] * 1.05, 1e-6)];
}

// The range of positive values on a logarithmic axis.
export function logRange(values) {
  const [from, to] = extent(values.filter((value) => value > 0));
  return from > 0 ? [from / 1.1, to * 1.1] : [0.1, 1];
}

// The part of a range between two of its shares.
export function partOf(range, [start, end], logarithmic = false) {
  const scale = createScale(range, logarithmic);
  return [scale.value(start), scale.value(end)];
}

// The range made smaller (factor < 1) or larger, with `anchor`, a share, where it is; within `full`.
export function zoomRange(range, factor, anchor, full, logarithmic = false) {
  const part = partOf(range, [anchor * (1 - factor), anchor + (1 - anchor) * factor], logarithmic);
  return clampRange(part, full, logarithmic);
}

// The range moved by a share of itself, but not out of `full`.
export function shiftRange(range, share, full, logarithmic = false) {
  const scale = createScale(full, logarithmic);
  const [start, end] = range.map(scale.share);
  const wanted = share * (end - start);
  const shift = Math.min(1 - end, Math.max(-start, wanted));
  return [scale.value(start + shift), scale.value(end + shift)];
}

// The part of the range within `full`, or null if that is all of it.
function clampRange(range, full, logarithmic) {
  const scale = createScale(full, logarithmic);
  const [start, end] = range.map(scale.share).map((share) => Math.min(1, Math.max(0, share)));
  if (start <= ROUNDING && end >= 1 - ROUNDING) return null;
  return [scale.value(start), scale.value(end)];
}
