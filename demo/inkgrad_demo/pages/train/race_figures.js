// The figures of a race: computed from the status of its runs.

export function shareDone({ state, done, steps }) {
  if (state === "finished") return 1;
  return steps === 0 ? 0 : done / steps;
}

// Since the start, with the evaluation after each epoch.
export function examplesPerSecond(status) {
  const trained = shareDone(status) * status.settings.epochs * (status.examples ?? 0);
  return status.seconds > 0 ? trained / status.seconds : 0;
}

// Compares two loss curves, rows of [step, epoch, seconds, loss], at the steps that both have:
// `points` of them; the losses are the `same` to within `limit` up to that one of `count` steps;
// `largest` is the largest difference.
export function compareLosses(first, second, limit) {
  const others = new Map(second.map(([step, , , loss]) => [step, loss]));
  const both = first.filter(([step]) => others.has(step));
  const differences = both.map(([step, , , loss]) => Math.abs(loss - others.get(step)));
  const drift = differences.findIndex((difference) => difference > limit);
  const count = both.at(-1)?.[0] ?? 0;
  return {
    points: both.length,
    count,
    same: drift < 0 ? count : (both[drift - 1]?.[0] ?? 0),
    largest: Math.max(0, ...differences),
  };
}
