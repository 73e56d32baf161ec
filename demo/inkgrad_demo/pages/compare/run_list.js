// All runs: sorted, filtered and selected. The first of those selected are compared.
import { writeAddress } from "../../web/page_address.js";
import { make, makeButton } from "../../web/elements.js";
import { labelButton } from "../../web/label_dialog.js";
import { createSplits } from "../../web/splits.js";
import { filtered, sorted, startsDescending } from "./rows.js";
import { createSelection } from "./selection.js";

const COLUMNS = {
  name: "run.label.name",
  model: "compare.setting.model",
  accuracy: "compare.column.accuracy",
  validation: "compare.column.validation",
  created: "compare.column.created",
  data: "compare.column.data",
  state: "compare.column.state",
  epochs: "compare.setting.epochs",
  seconds: "compare.column.seconds",
};
const ROWS = 100; // shown at first, and with each click on "more"

// createRunList(page, {changed, stop, rename}) where
//   changed()         is called when other runs are compared
//   stop(id)          stops a run that trains
//   rename(run, of)   lets the visitor name a run; `of` says which one it is
export function createRunList(page, { changed, stop, rename }) {
  const { find, findAll, props, text, number, dataName, messageText } = page;
  const { measured, onValidation } = createSplits(page);
  const selection = createSelection(props.most_compared);
  let runs = []; // those that train and those that have ended, the newest first
  let ended = [];
  let version = ""; // of all but the runs that train
  let damaged = []; // {id, problem}
  let notice = "";
  let order = { column: "created", descending: true };
  let most = ROWS;
  let listed = []; // the runs that the filter leaves, in order

  const known = () => [...runs, ...damaged].map(({ id }) => id);
  const words = {
    model: ({ model, backend }) =>
      `${text(`train.model.${model}`)} · ${text(`train.backend.${backend}`)}`,
    data: ({ data }) => dataName(data),
    state: ({ learned, state }) => text(learned ? props.states[state] : "compare.state.unlearned"),
  };

  function cellsOf(run, time) {
    return {
      name: run.name,
      model: words.model(run),
      created: time.format(new Date(run.created)),
      data: words.data(run),
      state: words.state(run),
      epochs: `${run.epochs_done} / ${run.epochs}`,
      seconds: `${number(run.seconds, 1)} s`,
      accuracy: measured(run.accuracy, run.test_examples) || "–",
      validation: onValidation(run.validation_accuracy, run.validation_examples) || "–",
    };
  }

  function hint() {
    if (damaged.length) return text("compare.damaged", { count: damaged.length });
    if (notice) return messageText(notice);
    const { length: count } = selection.ids;
    if (count > props.most_compared)
      return text("compare.hint.many", { count: number(count, 0), most: props.most_compared });
    return runs.length ? text("compare.hint", { most: props.most_compared }) : "";
  }

  // -- painting --

  const filter = () => ({
    query: find("#compare-query").value,
    model: find("#compare-model").value,
    data: find("#compare-data").value,
  });

  function paintChoices() {
    const fill = (id, all, values, label) => {
      const before = find(id).value;
      const unique = [...new Set([...values, ...(before ? [before] : [])])].sort();
      find(id).replaceChildren(
        new Option(text(all), ""),
        ...unique.map((value) => new Option(label(value), value)),
      );
      find(id).value = before;
    };
    fill(
      "#compare-model",
      "compare.filter.models",
      runs.map((run) => run.model),
      (model) => text(`train.model.${model}`),
    );
    fill(
      "#compare-data",
      "compare.filter.data",
      runs.map((run) => run.data),
      dataName,
    );
  }

  function paint() {
    const focused = document.activeElement?.dataset.key; // the table is a new one
    listed = sorted(filtered(runs, filter(), words), order, words, props.value);
    const table = find("#compare-list");
    find("#compare-empty").hidden = known().length > 0;
    find("#compare-found").hidden = known().length === 0;
    paintChoices();
    table.replaceChildren(head(), make("tbody"));
    const time = new Intl.DateTimeFormat(props.value, { dateStyle: "short", timeStyle: "medium" });
    table.tBodies[0].append(
      ...damaged.map(damagedRow),
      ...listed.slice(0, most).map((run) => rowOf(run, time)),
    );
    const isFiltered = listed.length < runs.length;
    const counts = { listed: number(listed.length, 0), all: number(runs.length, 0) };
    const shown = number(Math.min(most, listed.length), 0);
    find("#compare-count").textContent = text(
      isFiltered ? "compare.count.listed" : "compare.count",
      counts,
    );
    find("#compare-none").hidden = listed.length > 0 || damaged.length > 0;
    find("#compare-more").hidden = listed.length <= most;
    find("#compare-more").textContent = text("compare.more", { shown, ...counts });
    paintSelection();
    if (focused) find(`#compare-list [data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  function head() {
    const all = checkbox("all", text("compare.select_all", { count: number(listed.length, 0) }));
    const titles = Object.entries(COLUMNS).map(([column, key]) => {
      const isSorted = column === order.column;
      const button = makeButton(text(key), () => sortBy(column));
      button.dataset.key = `sort-${column}`;
      const title = make("th", { scope: "col" }, [button]);
      if (isSorted) title.ariaSort = order.descending ? "descending" : "ascending";
      return title;
    });
    return make("thead", {}, [make("tr", {}, [make("td", {}, [all]), ...titles, make("td")])]);
  }

  function sortBy(column) {
    const descending = column === order.column ? !order.descending : startsDescending(column);
    order = { column, descending };
    paint();
  }

  function checkbox(value, label) {
    const box = make("input", { type: "checkbox", autocomplete: "off", value });
    box.dataset.key = `select-${value}`;
    box.setAttribute("aria-label", label);
    return box;
  }

  function row(id, cells, label) {
    const boxes = cells.map((cell) => (cell.tagName === "TD" ? cell : make("td", {}, [cell])));
    return make("tr", {}, [make("td", {}, [checkbox(id, label)]), ...boxes]);
  }

  function rowOf(run, time) {
    const cells = cellsOf(run, time);
    const of = [cells.name, cells.model].filter(Boolean).join(", ");
    const columns = Object.keys(COLUMNS).map((column) =>
      column === "name"
        ? nameCell(run, text("compare.run", { ...cells, model: of }), cells)
        : make("td", { textContent: cells[column], className: column }),
    );
    const values = { ...cells, model: of };
    return row(run.id, [...columns, actions(run, values)], text("compare.choose", values));
  }

  // On a phone, where this column stays while the others are scrolled, it also has the model and time.
  function nameCell(run, of, { model, created }) {
    const pencil = labelButton(page, of, () => rename(run, of));
    pencil.dataset.key = `name-${run.id}`;
    const name = make("b", { textContent: run.name });
    const note = make("small", { textContent: run.note, title: run.note });
    const which = [model, created].map((textContent) =>
      make("small", { className: "which", textContent }),
    );
    const lines = [name, ...(run.note ? [note] : []), ...which];
    return make("td", { className: "name" }, [make("div", {}, [make("span", {}, lines), pencil])]);
  }

  function actions({ id, active, own }, values) {
    const open = makeButton(text("compare.open"), () => openOnTrainPage(id));
    open.dataset.key = `open-${id}`;
    open.setAttribute("aria-label", text("compare.open_run", values));
    if (!active || !own) return make("td", { className: "actions" }, [open]);
    const stopButton = makeButton(text("compare.stop"), () => stop(id));
    stopButton.dataset.key = `stop-${id}`;
    stopButton.setAttribute("aria-label", text("compare.stop_run", values));
    return make("td", { className: "actions" }, [open, stopButton]);
  }

  function damagedRow({ id, problem }) {
    const values = { model: id, created: text("compare.state.damaged") };
    const said = make("td", { className: "damage", title: messageText(problem) });
    said.colSpan = Object.keys(COLUMNS).length + 1;
    said.textContent = text("compare.damaged_run", { run: id, problem: messageText(problem) });
    return row(id, [said], text("compare.choose", values));
  }

  // -- the selection --

  // What "Delete" means: no run that the filter hides, and none that trains.
  function deletable() {
    const shown = new Set([
      ...listed.filter(({ active }) => !active).map(({ id }) => id),
      ...damaged.map(({ id }) => id),
    ]);
    return selection.ids.filter((id) => shown.has(id));
  }

  function paintSelection() {
    for (const box of findAll("#compare-list tbody input")) {
      const color = selection.color(box.value);
      box.checked = selection.has(box.value);
      box.style.accentColor = color ? `var(--ink-${color})` : "";
      box.closest("tr").classList.toggle("chosen", color !== undefined);
    }
    const all = find("#compare-list thead input");
    const ids = listed.map(({ id }) => id);
    all.checked = ids.length > 0 && ids.every(selection.has);
    all.indeterminate = !all.checked && ids.some(selection.has);
    find("#compare-hint").textContent = hint();
    const { length: count } = deletable();
    find("#compare-delete").disabled = count === 0;
    find("#compare-delete").textContent = text("compare.delete", { count: number(count, 0) });
  }

  function select(ids) {
    const before = selection.compared.join();
    selection.set(ids);
    paintSelection();
    if (selection.compared.join() !== before) changed();
  }

  find("#compare-list").addEventListener("change", ({ target }) => {
    const ids = target.value === "all" ? listed.map(({ id }) => id) : [target.value];
    const others = selection.ids.filter((id) => !ids.includes(id));
    select(target.checked ? [...selection.ids, ...ids.filter((id) => !selection.has(id))] : others);
  });

  for (const [id, event] of [
    ["query", "input"],
    ["model", "change"],
    ["data", "change"],
  ]) {
    find(`#compare-${id}`).addEventListener(event, () => {
      most = ROWS;
      paint();
    });
  }
  find("#compare-more").addEventListener("click", () => {
    const first = listed[most];
    most += ROWS;
    paint();
    find(`#compare-list [data-key="select-${first.id}"]`).focus();
  });

  // That page may not be mounted yet: then it reads the address.
  function openOnTrainPage(id) {
    writeAddress(
      (parameters) => {
        parameters.set("tab", "train");
        parameters.set("run", id);
      },
      { isStep: true },
    );
    dispatchEvent(new CustomEvent("inkgrad:run", { detail: id }));
    document.querySelector("[role=tab][data-tab-id=train]").click();
  }

  return {
    paint,
    get version() {
      return version;
    },
    // A newer list, of which only the runs that train are given if the version is the same. Runs that
    // are gone are not selected any more.
    set(answer) {
      if (answer.version !== version) ({ version, ended, damaged, notice } = answer);
      runs = [...answer.active, ...ended].sort(
        (one, other) => Date.parse(other.created) - Date.parse(one.created),
      );
      const all = new Set(known());
      paint();
      select(selection.ids.filter((id) => all.has(id)));
    },
    choose(ids) {
      const all = new Set(known());
      select(ids.filter((id) => all.has(id)));
    },
    find: (id) => runs.find((run) => run.id === id),
    color: selection.color,
    get deletable() {
      return deletable();
    },
    // Those of the compared that can be shown.
    get compared() {
      return selection.compared.filter((id) => runs.some((run) => run.id === id));
    },
    get newest() {
      return runs.slice(0, 2).map(({ id }) => id);
    },
    get busy() {
      return runs.some(({ active }) => active);
    },
  };
}
