// Which runs of the list are shown, and in which order.

// The value that a column is sorted by; the names of runs that have none come last, as do missing numbers.
const KEYS = {
  name: ({ name }) => name || null,
  model: (run, words) => words.model(run),
  accuracy: ({ accuracy }) => accuracy,
  validation: ({ validation_accuracy: accuracy }) => accuracy,
  created: ({ created }) => Date.parse(created),
  data: (run, words) => words.data(run),
  state: (run, words) => words.state(run),
  epochs: ({ epochs_done: done }) => done,
  seconds: ({ seconds }) => seconds,
};

// The order that a click on a column's title begins with: texts from A, numbers from the largest.
export const startsDescending = (column) => !["name", "model", "data", "state"].includes(column);

// words: functions of a run that give its model, data and state as the list shows them
export function sorted(runs, { column, descending }, words, language) {
  const { compare } = new Intl.Collator(language, { numeric: true });
  const keyed = runs.map((run) => [KEYS[column](run, words), run]);
  const sign = descending ? -1 : 1;
  function order(a, b) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? compare(a, b) : a - b);
  }
  keyed.sort(
    ([a, one], [b, other]) => order(a, b) || Date.parse(other.created) - Date.parse(one.created),
  );
  return keyed.map(([, run]) => run);
}

// The runs of that model and that data ("": any) which have all words of the text somewhere.
export function filtered(runs, { query, model, data }, words) {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (model && run.model !== model) return false;
    if (data && run.data !== data) return false;
    if (parts.length === 0) return true;
    const said = [run.name, run.note, words.model(run), words.data(run), words.state(run), run.id];
    const all = said.join("\n").toLowerCase();
    return parts.every((part) => all.includes(part));
  });
}
