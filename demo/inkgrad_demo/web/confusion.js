// A confusion matrix as a table: what is right in green, what is wrong the redder the more of it there is.
//
// confusionTable(counts, caption, open) where open(button, count, {row, column}), if given, is called when a
// cell is chosen that counts anything. One of these cells takes the keyboard's focus, arrow keys go to the others.
function confusionTable(counts, caption, open = null) {
  const table = document.createElement("table");
  table.className = "confusion";
  const most = Math.max(1, ...counts.flatMap((row, label) => row.filter((_, answer) => answer !== label)));
  const head = counts.map((_, answer) => `<th scope="col">${answer}</th>`).join("");
  table.innerHTML = `<caption></caption><thead><tr><td></td>${head}</tr></thead><tbody></tbody>`;
  table.caption.textContent = caption;

  function button(row, column, count) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: count });
    made.setAttribute("aria-pressed", "false");
    made.setAttribute("aria-label", text("cell.label", { row, column, count }));
    made.addEventListener("click", () => open(made, count, { row, column }));
    return made;
  }

  counts.forEach((row, label) => {
    const line = table.tBodies[0].insertRow();
    line.innerHTML = `<th scope="row">${label}</th>`;
    row.forEach((count, answer) => {
      const cell = line.insertCell();
      cell.className = label === answer ? "right" : count ? "wrong" : "none";
      cell.style.setProperty("--share", count / most);
      cell.append(count && open ? button(label, answer, count) : String(count));
    });
  });
  if (open) walkWithArrows(table);
  return table;
}

function walkWithArrows(table) {
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")]);
  const buttons = table.querySelectorAll("td button");
  const reach = (button) => buttons.forEach((each) => (each.tabIndex = each === button ? 0 : -1));
  reach(buttons[0]);
  table.addEventListener("focusin", ({ target }) => reach(target));
  table.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    let row = rows.findIndex((cells) => cells.includes(event.target.parentElement));
    let column = rows[row].indexOf(event.target.parentElement);
    do [row, column] = [row + step[0], column + step[1]];
    while (rows[row]?.[column] && !rows[row][column].firstElementChild);
    rows[row]?.[column]?.firstElementChild.focus();
  });
}
