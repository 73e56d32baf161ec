// Settings and results of the runs side by side; settings that differ stand out, and the best results.
function createFacts() {
  let shown = [];
  const dash = (value, as) => (value === null || value === undefined ? "–" : as(value));
  const share = (value) => `${number(100 * value, 2)} %`;
  const last = ({ epochs }) => epochs.at(-1);

  const time = (created) => new Date(created).toLocaleString(props.value, { dateStyle: "short", timeStyle: "medium" });
  const row = (title, value) => ({ title: text(title), values: shown.map(value) });

  function setting(name, title) {
    return row(title, ({ settings }) => {
      const value = settings[name];
      if (name === "batch_size" && value === null) return text("compare.all");
      if (name === "model" || name === "backend") return text(`train.${name}.${value}`);
      if (typeof value === "boolean") return text(value ? "compare.yes" : "compare.no");
      return dash(value, String);
    });
  }

  const settings = () => [
    row("compare.column.data", ({ data, examples }) =>
      text("compare.data_of", { data: dataName(data), examples: examples.toLocaleString(props.value) })),
    ...Object.entries(props.settings).map(([name, title]) => setting(name, title)),
    row("compare.rates", ({ rates }) => rates.map(({ step, lr }) => text("compare.rate_from", { step, lr })).join(", ") || "–"),
  ];

  // A result of which more is better, or less (sign -1); those of the best are marked.
  function result(title, value, as, sign = 1) {
    const ranks = shown.map((run) => (value(run) === null || value(run) === undefined ? -Infinity : sign * value(run)));
    const best = ranks.map((rank) => rank === Math.max(...ranks) && new Set(ranks).size > 1);
    return { ...row(title, (run) => dash(value(run), as)), best };
  }

  const results = () => [
    row("compare.column.created", ({ created }) => time(created)),
    row("compare.column.seconds", ({ seconds }) => `${number(seconds, 1)} s`),
    row("compare.result.epochs", ({ epochs }) => String(epochs.length)),
    result("compare.result.loss", (run) => last(run)?.loss, (value) => number(value, 4), -1),
    result("compare.result.validation", (run) => last(run)?.accuracy, share),
    result("compare.result.test", ({ test }) => test?.accuracy, share),
    result("compare.result.test_loss", ({ test }) => test?.loss, (value) => number(value, 4), -1),
  ];

  function paint(runs = shown) {
    shown = runs;
    const only = find("#compare-differences").checked;
    const facts = settings()
      .map((each) => ({ ...each, differs: new Set(each.values).size > 1 }))
      .filter(({ differs }) => differs || !only);
    // Of one run or two the results find room beside the settings.
    const parts = runs.length > 2 ? [[...facts, ...results()]] : [facts, results()];
    find("#compare-facts").replaceChildren(...parts.map(tableOf));
  }

  function tableOf(rows) {
    const table = document.createElement("table");
    table.innerHTML = "<thead><tr><td></td></tr></thead><tbody></tbody>";
    for (const { name, colour } of shown) {
      const head = Object.assign(document.createElement("th"), { scope: "col", textContent: name });
      head.style.setProperty("--run", `var(${colour})`);
      table.tHead.rows[0].append(head);
    }
    for (const { title, values, differs = false, best = [] } of rows) {
      const line = table.tBodies[0].insertRow();
      line.classList.toggle("differs", differs);
      line.append(Object.assign(document.createElement("th"), { scope: "row", textContent: title }));
      values.forEach((value, i) => {
        line.append(Object.assign(document.createElement("td"), { textContent: value, className: best[i] ? "best" : "" }));
      });
    }
    return table;
  }

  find("#compare-differences").addEventListener("change", () => paint());
  return { paint };
}
