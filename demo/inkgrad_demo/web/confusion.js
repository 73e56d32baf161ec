// A confusion matrix as a table: correct predictions in green, wrong ones the redder the more there
// are.
import { make } from "./elements.js";

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// confusionTable(page, {confusion, classes}, caption, open) where confusion[label][prediction] are
// numbers, classes the names of the classes or empty, and open(button, count, {row, column}), if given,
// is called when a cell that counts anything is chosen. One of these cells takes the keyboard's focus;
// arrow keys move between them.
export function confusionTable({ text }, { confusion: counts, classes }, caption, open = null) {
  const nameOf = (number) => classes[number] ?? String(number);
  const table = make("table", { className: "confusion" });
  const wrong = counts.flatMap((row, label) => row.filter((_, answer) => answer !== label));
  const max = Math.max(1, ...wrong);
  table.append(
    make("caption", { textContent: caption }),
    make("thead", {}, [make("tr", {}, [make("td"), ...counts.map((_, i) => title("col", i))])]),
    make("tbody"),
  );

  function title(scope, number) {
    const name = nameOf(number);
    return make("th", { scope, title: name }, [make("span", { textContent: name })]);
  }

  function cellButton(row, column, count) {
    const made = make("button", { type: "button", textContent: count, ariaPressed: "false" });
    made.setAttribute("aria-label", text("cell.label", { row, column, count }));
    made.addEventListener("click", () => open(made, count, { row, column }));
    return made;
  }

  counts.forEach((row, label) => {
    const line = table.tBodies[0].insertRow();
    line.append(title("row", label));
    row.forEach((count, answer) => {
      const cell = line.insertCell();
      cell.className = label === answer ? "right" : count ? "wrong" : "none";
      cell.style.setProperty("--share", count / max);
      cell.append(count && open ? cellButton(label, answer, count) : String(count));
    });
  });
  if (open) walkWithArrows(table);
  return table;
}

function walkWithArrows(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")]);
  const buttons = [...table.querySelectorAll("td button")];

  function makeReachable(button) {
    for (const each of buttons) each.tabIndex = each === button ? 0 : -1;
  }

  makeReachable(buttons[0]);
  table.addEventListener("focusin", ({ target }) => makeReachable(target));
  table.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    let row = rows.findIndex((cells) => cells.includes(event.target.parentElement));
    let column = rows[row].indexOf(event.target.parentElement);
    do [row, column] = [row + move[0], column + move[1]];
    while (rows[row]?.[column] && !rows[row][column].firstElementChild);
    rows[row]?.[column]?.firstElementChild.focus();
  });
}
