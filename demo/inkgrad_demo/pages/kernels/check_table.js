// The table of checks: an op's number types below it, a column for each check, filled as results
// come.
import { make } from "../../web/elements.js";

// Why a check is skipped, as the server says it, and the page's words for that.
const SKIPPED = {
  "finite differences need float64": "kernels.check.needs_float64",
  "the extension is not loaded": "kernels.check.needs_extension",
};

const keyOf = ({ op, dtype, check }) => `${op} ${dtype} ${check}`;

export function createCheckTable({ props, text, scientific }, table, failures) {
  const { checks } = props.choices;
  let cells = new Map();
  let results = new Map();

  // Empty cells for these ops and number types.
  function layOut(ops, dtypes) {
    cells = new Map();
    results = new Map();
    failures.replaceChildren();
    const heads = checks.map((check) => `<th scope="col">${check}</th>`);
    table.innerHTML = `<thead><tr><td></td>${heads.join("")}</tr></thead>`;
    for (const op of ops) {
      const body = table.createTBody();
      body.innerHTML = `<tr><th scope="rowgroup" colspan="${checks.length + 1}">${op}</th></tr>`;
      for (const dtype of dtypes) {
        const row = body.insertRow();
        row.innerHTML = `<th scope="row">${dtype}</th>`;
        for (const check of checks) cells.set(keyOf({ op, dtype, check }), row.insertCell());
      }
    }
  }

  function paint(result) {
    const { status, message, error } = result;
    const cell = cells.get(keyOf(result));
    cell.className = status;
    cell.title = message in SKIPPED ? text(SKIPPED[message]) : message;
    if (status === "skipped") {
      cell.textContent = "–";
      return;
    }
    const verdict = text(status === "passed" ? "kernels.check.passed" : "kernels.check.failed");
    const size = typeof error === "number" ? scientific(error) : "";
    cell.replaceChildren(
      make("b", { textContent: verdict }),
      " ",
      make("span", { textContent: size }),
    );
  }

  function listFailure({ op, dtype, check, message }) {
    const command = `inkgrad check --op ${op} --dtype ${dtype}`;
    const title = make("b", { textContent: `${op} ${dtype} ${check}:` });
    const code = make("code", { textContent: command });
    failures.append(make("li", {}, [title, ` ${message} `, code]));
  }

  return {
    layOut,
    start(which) {
      cells.get(keyOf(which)).className = "now";
    },
    add(result) {
      results.set(keyOf(result), result);
      paint(result);
      if (result.status === "failed") listFailure(result);
    },
    interrupt() {
      for (const cell of cells.values()) cell.classList.remove("now");
    },
    repaint: () => results.forEach(paint),
    get total() {
      return cells.size;
    },
    get finished() {
      return results.size;
    },
    get results() {
      return [...results.values()];
    },
  };
}
