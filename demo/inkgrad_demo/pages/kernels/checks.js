// The table of checks: an op's dtypes below it, a column for each check, filled as the results come.

// Why something is left out, and the text that says it on the page.
const SKIPPED = {
  "finite differences need float64": "kernels.check.needs_float64",
  "the extension is not loaded": "kernels.check.needs_extension",
};

function createChecks(table, failures, checks) {
  let cells = new Map();
  let results = new Map();
  const key = ({ op, dtype, check }) => `${op} ${dtype} ${check}`;

  // The cells for these ops and dtypes, empty.
  function lay(ops, dtypes) {
    cells = new Map();
    results = new Map();
    failures.replaceChildren();
    table.innerHTML = "<thead><tr><td></td></tr></thead>";
    for (const check of checks) table.querySelector("tr").insertAdjacentHTML("beforeend", `<th scope="col">${check}</th>`);
    for (const op of ops) {
      const body = table.createTBody();
      body.innerHTML = `<tr><th scope="rowgroup" colspan="${checks.length + 1}">${op}</th></tr>`;
      for (const dtype of dtypes) {
        const row = body.insertRow();
        row.innerHTML = `<th scope="row">${dtype}</th>`;
        for (const check of checks) cells.set(key({ op, dtype, check }), row.insertCell());
      }
    }
  }

  function started(which) {
    cells.get(key(which)).className = "now";
  }

  function result(found) {
    results.set(key(found), found);
    paint(found);
    if (found.status === "failed") {
      const item = document.createElement("li");
      const again = `inkgrad check --op ${found.op} --dtype ${found.dtype}`;
      item.innerHTML = `<b></b> <span></span> <code>${again}</code>`;
      item.querySelector("b").textContent = `${found.op} ${found.dtype} ${found.check}:`;
      item.querySelector("span").textContent = found.message;
      failures.append(item);
    }
  }

  function paint(found) {
    const cell = cells.get(key(found));
    cell.className = found.status;
    cell.title = found.message in SKIPPED ? text(SKIPPED[found.message]) : found.message;
    if (found.status === "skipped") {
      cell.textContent = "–";
      return;
    }
    const verdict = text(found.status === "passed" ? "kernels.check.passed" : "kernels.check.failed");
    const error = typeof found.error === "number" ? scientific(found.error) : "";
    cell.innerHTML = `<b>${verdict}</b> <span>${error}</span>`;
  }

  return {
    lay, started, result,
    interrupted: () => cells.forEach((cell) => cell.classList.remove("now")),
    repaint: () => results.forEach(paint),
    get total() { return cells.size; },
    get finished() { return results.size; },
    get results() { return [...results.values()]; },
  };
}
