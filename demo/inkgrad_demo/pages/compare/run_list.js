// All runs, and which of them are compared.
import { make, makeButton } from "../../web/elements.js";

const COLORS = ["blue", "red", "green", "violet", "amber", "pink"];
const COLUMNS = {
  model: "compare.setting.model",
  accuracy: "compare.column.accuracy",
  validation: "compare.column.validation",
  created: "compare.column.created",
  data: "compare.column.data",
  state: "compare.column.state",
  epochs: "compare.setting.epochs",
  seconds: "compare.column.seconds",
};

// createRunList(page, {changed, stop}) where
//   changed()  is called when other runs are chosen
//   stop(id)   stops a run that trains
export function createRunList(page, { changed, stop }) {
  const { find, props, text, number, percent, dataName, messageText } = page;
  let runs = [];
  let damaged = []; // {id, problem}
  let notice = "";
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

  const known = () => [...runs, ...damaged].map(({ id }) => id);
  const share = (value) => (value === null ? "–" : percent(value, 2));

  const cellsOf = (run) => ({
    model: `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`,
    created: new Date(run.created).toLocaleString(props.value, {
      dateStyle: "short",
      timeStyle: "medium",
    }),
    data: dataName(run.data),
    state: text(run.learned ? props.states[run.state] : "compare.state.unlearned"),
    epochs: `${run.epochs_done} / ${run.epochs}`,
    seconds: `${number(run.seconds, 1)} s`,
    accuracy: share(run.accuracy),
    validation: share(run.validation_accuracy),
  });

  function hint() {
    if (damaged.length) return text("compare.damaged", { count: damaged.length });
    if (notice) return messageText(notice);
    return runs.length ? text("compare.hint", { most: props.most_compared }) : "";
  }

  function paint() {
    const table = find("#compare-list");
    find("#compare-empty").hidden = known().length > 0;
    table.hidden = known().length === 0;
    find("#compare-hint").textContent = hint();
    const titles = Object.values(COLUMNS).map((key) => `<th scope="col">${text(key)}</th>`);
    table.innerHTML = `<thead><tr><td></td>${titles.join("")}<td></td></tr></thead><tbody></tbody>`;
    table.tBodies[0].append(...runs.map(rowOf), ...damaged.map(damagedRow));
    const someAreActive = runs.some((run) => run.active && chosen.has(run.id));
    find("#compare-delete").disabled = chosen.size === 0 || someAreActive;
  }

  function tickOf(id, values) {
    const isChosen = chosen.has(id);
    const tick = make("input", {
      type: "checkbox",
      autocomplete: "off",
      value: id,
      checked: isChosen,
      disabled: !isChosen && chosen.size >= props.most_compared,
    });
    tick.setAttribute("aria-label", text("compare.choose", values));
    if (isChosen) tick.style.accentColor = `var(--ink-${COLORS[chosen.get(id)]})`;
    return tick;
  }

  function row(id, cells) {
    const boxes = cells.map((cell) => (cell.tagName === "TD" ? cell : make("td", {}, [cell])));
    return make("tr", { className: chosen.has(id) ? "chosen" : "" }, boxes);
  }

  function rowOf(run) {
    const cells = cellsOf(run);
    const columns = Object.keys(COLUMNS).map((column) =>
      make("td", { textContent: cells[column], className: column }),
    );
    return row(run.id, [tickOf(run.id, cells), ...columns, actions(run, cells)]);
  }

  function actions({ id, active }, cells) {
    const open = makeButton(text("compare.open"), () => openOnTrainPage(id));
    open.setAttribute("aria-label", text("compare.open_run", cells));
    if (!active) return make("td", { className: "actions" }, [open]);
    const stopButton = makeButton(text("compare.stop"), () => stop(id));
    stopButton.setAttribute("aria-label", text("compare.stop_run", cells));
    return make("td", { className: "actions" }, [open, stopButton]);
  }

  function damagedRow({ id, problem }) {
    const values = { model: id, created: text("compare.state.damaged") };
    const words = make("td", { className: "damage", title: messageText(problem) });
    words.colSpan = Object.keys(COLUMNS).length + 1;
    words.textContent = text("compare.damaged_run", { run: id, problem: messageText(problem) });
    return row(id, [tickOf(id, values), words]);
  }

  // That page may not be mounted yet: then it reads the address.
  function openOnTrainPage(id) {
    const address = new URL(location);
    address.searchParams.set("run", id);
    history.replaceState(history.state, "", address);
    dispatchEvent(new CustomEvent("inkgrad:run", { detail: id }));
    document.querySelector("[role=tab][data-tab-id=train]").click();
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
      ({ runs, damaged, notice } = answer);
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
    // Those of the chosen that can be shown.
    get compared() {
      return [...chosen.keys()].filter((id) => runs.some((run) => run.id === id));
    },
    get newest() {
      return runs.slice(0, 2).map(({ id }) => id);
    },
    get busy() {
      return runs.some(({ active }) => active);
    },
  };
}
