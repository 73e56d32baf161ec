// All runs, and which of them are compared.
//
// createList({changed}): changed() is called when other runs are chosen.
function createList({ changed }) {
  const COLOURS = ["--ink-blue", "--ink-red", "--ink-green", "--ink-violet", "--ink-amber", "--ink-pink"];
  const COLUMNS = ["model", "accuracy", "created", "data", "state", "epochs", "seconds"];
  const TITLES = {
    model: "compare.setting.model", created: "compare.column.created", data: "compare.column.data",
    state: "compare.column.state", epochs: "compare.setting.epochs", seconds: "compare.column.seconds",
    accuracy: "compare.column.accuracy",
  };
  let runs = [];
  let damaged = 0;
  // {id: its colour's number}, in the order in which they were chosen.
  let chosen = new Map();

  function choose(ids) {
    chosen = new Map([...chosen].filter(([id]) => ids.includes(id)));
    for (const id of ids) {
      if (chosen.has(id) || chosen.size >= props.most_compared) continue;
      const taken = [...chosen.values()];
      chosen.set(id, COLOURS.findIndex((_, number) => !taken.includes(number)));
    }
  }

  const known = () => runs.map(({ id }) => id);
  const cells = (run) => ({
    model: `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`,
    created: new Date(run.created).toLocaleString(props.value, { dateStyle: "short", timeStyle: "medium" }),
    data: dataName(run.data),
    state: text(props.states[run.active ? "unfinished" : run.state === "unfinished" ? "stopped" : run.state]),
    epochs: `${run.epochs} / ${run.all_epochs}`,
    seconds: `${number(run.seconds, 1)} s`,
    accuracy: run.accuracy === null ? "–" : `${number(100 * run.accuracy, 2)} %`,
  });

  function paint() {
    const table = find("#compare-list");
    find("#compare-empty").hidden = runs.length > 0;
    table.hidden = runs.length === 0;
    find("#compare-hint").textContent = damaged
      ? text("compare.damaged", { count: damaged })
      : runs.length ? text("compare.hint", { most: props.most_compared }) : "";
    const titles = COLUMNS.map((column) => `<th scope="col">${text(TITLES[column])}</th>`).join("");
    table.innerHTML = `<thead><tr><td></td>${titles}</tr></thead><tbody></tbody>`;
    for (const run of runs) table.tBodies[0].append(row(run));
    find("#compare-delete").disabled = chosen.size === 0 || runs.some((run) => run.active && chosen.has(run.id));
  }

  function row(run) {
    const line = document.createElement("tr");
    const ticked = chosen.has(run.id);
    line.innerHTML = `<td><input type="checkbox" autocomplete="off"></td>`;
    line.classList.toggle("chosen", ticked);
    const tick = line.querySelector("input");
    Object.assign(tick, { value: run.id, checked: ticked, disabled: !ticked && chosen.size >= props.most_compared });
    tick.setAttribute("aria-label", text("compare.choose", cells(run)));
    if (ticked) tick.style.accentColor = `var(${COLOURS[chosen.get(run.id)]})`;
    const shown = cells(run);
    for (const column of COLUMNS) {
      line.append(Object.assign(document.createElement("td"), { textContent: shown[column], className: column }));
    }
    return line;
  }

  find("#compare-list").addEventListener("change", ({ target }) => {
    choose(target.checked ? [...chosen.keys(), target.value] : [...chosen.keys()].filter((id) => id !== target.value));
    paint();
    find(`#compare-list [value="${target.value}"]`).focus(); // the table is a new one
    changed();
  });

  return {
    paint,
    // Newer knowledge; those that are gone are not chosen any more.
    set(answer) {
      ({ runs, damaged } = answer);
      const before = chosen.size;
      choose([...chosen.keys()].filter((id) => known().includes(id)));
      paint();
      if (chosen.size !== before) changed();
    },
    choose(ids) {
      choose(ids.filter((id) => known().includes(id)));
      paint();
      changed();
    },
    colour: (id) => COLOURS[chosen.get(id)],
    get chosen() { return [...chosen.keys()]; },
    get newest() { return known().slice(0, 2); },
    get busy() { return runs.some(({ active }) => active); },
  };
}
