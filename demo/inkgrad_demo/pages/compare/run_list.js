// All runs, and which of them are compared.
import { make } from "../../web/elements.js";

const COLORS = ["blue", "red", "green", "violet", "amber", "pink"];
const COLUMNS = {
  model: "compare.setting.model",
  accuracy: "compare.column.accuracy",
  created: "compare.column.created",
  data: "compare.column.data",
  state: "compare.column.state",
  epochs: "compare.setting.epochs",
  seconds: "compare.column.seconds",
};

// createRunList(page, {changed}): changed() is called when other runs are chosen.
export function createRunList({ find, props, text, number, percent, dataName }, { changed }) {
  let runs = [];
  let damaged = 0;
  let chosen = new Map(); // {id: its color's index}, in the order in which they were chosen

  function choose(ids) {
    chosen = new Map([...chosen].filter(([id]) => ids.includes(id)));
    for (const id of ids) {
      if (chosen.has(id) || chosen.size >= props.most_compared) continue;
      const taken = [...chosen.values()];
      chosen.set(
        id,
        COLORS.findIndex((_, index) => !taken.includes(index)),
      );
    }
  }

  const known = () => runs.map(({ id }) => id);

  const cellsOf = (run) => ({
    model: `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`,
    created: new Date(run.created).toLocaleString(props.value, {
      dateStyle: "short",
      timeStyle: "medium",
    }),
    data: dataName(run.data),
    state: text(props.states[run.state]),
    epochs: `${run.epochs_done} / ${run.epochs}`,
    seconds: `${number(run.seconds, 1)} s`,
    accuracy: run.accuracy === null ? "–" : percent(run.accuracy, 2),
  });

  function hint() {
    if (damaged) return text("compare.damaged", { count: damaged });
    return runs.length ? text("compare.hint", { most: props.most_compared }) : "";
  }

  function paint() {
    const table = find("#compare-list");
    find("#compare-empty").hidden = runs.length > 0;
    table.hidden = runs.length === 0;
    find("#compare-hint").textContent = hint();
    const titles = Object.values(COLUMNS).map((key) => `<th scope="col">${text(key)}</th>`);
    table.innerHTML = `<thead><tr><td></td>${titles.join("")}</tr></thead><tbody></tbody>`;
    table.tBodies[0].append(...runs.map(rowOf));
    const someAreActive = runs.some((run) => run.active && chosen.has(run.id));
    find("#compare-delete").disabled = chosen.size === 0 || someAreActive;
  }

  function rowOf(run) {
    const isChosen = chosen.has(run.id);
    const cells = cellsOf(run);
    const tick = make("input", {
      type: "checkbox",
      autocomplete: "off",
      value: run.id,
      checked: isChosen,
      disabled: !isChosen && chosen.size >= props.most_compared,
    });
    tick.setAttribute("aria-label", text("compare.choose", cells));
    if (isChosen) tick.style.accentColor = `var(--ink-${COLORS[chosen.get(run.id)]})`;
    const columns = Object.keys(COLUMNS).map((column) =>
      make("td", { textContent: cells[column], className: column }),
    );
    return make("tr", { className: isChosen ? "chosen" : "" }, [
      make("td", {}, [tick]),
      ...columns,
    ]);
  }

  find("#compare-list").addEventListener("change", ({ target }) => {
    const others = [...chosen.keys()].filter((id) => id !== target.value);
    choose(target.checked ? [...others, target.value] : others);
    paint();
    find(`#compare-list [value="${target.value}"]`).focus(); // the table is a new one
    changed();
  });

  return {
    paint,
    // A newer list; runs that are gone are not chosen any more.
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
    color: (id) => COLORS[chosen.get(id)],
    get chosen() {
      return [...chosen.keys()];
    },
    get newest() {
      return known().slice(0, 2);
    },
    get busy() {
      return runs.some(({ active }) => active);
    },
  };
}
