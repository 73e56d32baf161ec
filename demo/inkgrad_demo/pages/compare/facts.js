// Settings and results of the runs side by side; settings that differ and the best results stand out.
import { make } from "../../web/elements.js";

const isMissing = (value) => value === null || value === undefined;
const lastEpoch = ({ epochs }) => epochs.at(-1);

export function createFacts({ find, props, text, number, percent, dataName }) {
  let runs = [];

  const share = (value) => percent(value, 2);
  const fourDecimals = (value) => number(value, 4);
  const count = (value) => value.toLocaleString(props.value);
  const time = (created) =>
    new Date(created).toLocaleString(props.value, { dateStyle: "short", timeStyle: "medium" });

  const row = (title, value) => ({ title: text(title), values: runs.map(value) });

  function settingText(name, value) {
    if (name === "batch_size" && value === null) return text("compare.all");
    if (name === "model" || name === "backend") return text(`train.${name}.${value}`);
    if (typeof value === "boolean") return text(value ? "compare.yes" : "compare.no");
    return isMissing(value) ? "–" : String(value);
  }

  const ratesText = ({ lr_changes: changes }) =>
    changes.map(([step, lr]) => text("compare.rate_from", { step, lr })).join(", ") || "–";

  const settingRows = () => [
    row("compare.column.data", ({ data, examples }) =>
      text("compare.data_of", { data: dataName(data), examples: count(examples) }),
    ),
    ...Object.entries(props.settings).map(([name, title]) =>
      row(title, ({ settings }) => settingText(name, settings[name])),
    ),
    row("compare.rates", ratesText),
  ];

  // A result of which more is better, or less (sign -1); the best ones are marked.
  function resultRow(title, value, format, sign = 1) {
    const ranks = runs.map((run) => (isMissing(value(run)) ? -Infinity : sign * value(run)));
    const best = ranks.map((rank) => rank === Math.max(...ranks) && new Set(ranks).size > 1);
    return { ...row(title, (run) => (isMissing(value(run)) ? "–" : format(value(run)))), best };
  }

  const resultRows = () => [
    row("compare.column.created", ({ created }) => time(created)),
    row("compare.column.seconds", ({ seconds }) => `${number(seconds, 1)} s`),
    row("compare.result.epochs", (run) => String(lastEpoch(run)?.[4] ?? 0)),
    resultRow("compare.result.loss", (run) => lastEpoch(run)?.[0], fourDecimals, -1),
    resultRow("compare.result.validation", (run) => lastEpoch(run)?.[2], share),
    row("compare.result.baseline", ({ baseline }) => (isMissing(baseline) ? "–" : share(baseline))),
    resultRow("compare.result.test", ({ test }) => test?.accuracy, share),
    resultRow("compare.result.test_loss", ({ test }) => test?.loss, fourDecimals, -1),
  ];

  function paint(chosen = runs) {
    runs = chosen;
    const onlyDifferences = find("#compare-differences").checked;
    const settings = settingRows()
      .map((each) => ({ ...each, differs: new Set(each.values).size > 1 }))
      .filter(({ differs }) => differs || !onlyDifferences);
    // The results of one run or two fit beside the settings.
    const tables = runs.length > 2 ? [[...settings, ...resultRows()]] : [settings, resultRows()];
    find("#compare-facts").replaceChildren(...tables.map(factTable));
  }

  function factTable(rows) {
    const heads = runs.map(({ name, color }) => {
      const head = make("th", { scope: "col", textContent: name });
      head.style.setProperty("--run", `var(--ink-${color})`);
      return head;
    });
    const lines = rows.map(({ title, values, differs = false, best = [] }) =>
      make("tr", { className: differs ? "differs" : "" }, [
        make("th", { scope: "row", textContent: title }),
        ...values.map((value, i) =>
          make("td", { textContent: value, className: best[i] ? "best" : "" }),
        ),
      ]),
    );
    return make("table", {}, [
      make("thead", {}, [make("tr", {}, [make("td"), ...heads])]),
      make("tbody", {}, lines),
    ]);
  }

  find("#compare-differences").addEventListener("change", () => paint());
  return { paint };
}
