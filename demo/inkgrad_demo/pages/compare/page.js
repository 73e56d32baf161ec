// The Compare page: connects the list of runs, what is shown of those chosen, deleting and downloads.
import { parameter, watchTab, writeAddress } from "../../web/page_address.js";
import { createCells } from "../../web/cells.js";
import { confusionTable } from "../../web/confusion.js";
import { saveFile } from "../../web/downloads.js";
import { createLabelDialog } from "../../web/label_dialog.js";
import { createPage } from "../../web/page.js";
import { choiceOf } from "../../web/run_choice.js";
import { mergeStatus } from "../../web/run_status.js";
import { createSplits } from "../../web/splits.js";
import { createComparedCurves } from "./compared_curves.js";
import { createFacts } from "./facts.js";
import { createRunList } from "./run_list.js";
import { createUndo } from "./undo.js";

const PERIOD = 2000; // milliseconds between two looks while something trains
const PARAMETER = "compare"; // of the address: which runs are compared

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, server, find, text, translate, messageText } = page;

  const rename = createLabelDialog(page, async () => {
    await refresh();
    load();
    dispatchEvent(new CustomEvent("inkgrad:runs")); // to the Train page
  });
  const list = createRunList(page, { changed: load, stop, rename });
  const undo = createUndo(page, restore);
  const curves = createComparedCurves(page);
  const facts = createFacts(page);
  const cells = createCells(page, find("#compare-cells"), server.cell);
  const { splitOfConfusion } = createSplits(page);
  let loaded = [];
  let turn = 0; // raised by load(): answers to earlier requests no longer matter

  // The server's answer; {error} where it reports one or does not answer.
  async function sendAndShow(name, request) {
    const answer = await server[name](request).catch(() => undefined);
    const error = answer ? messageText(answer.error ?? "") : text("compare.failed");
    find("#compare-notice").textContent = error;
    return error ? { error } : answer;
  }

  // -- the runs that are chosen --

  // Its name; without one the model, and where the run differs from the others of that model.
  function nameOf(run, index) {
    const { settings, name: given } = run;
    if (given) return `${index + 1}. ${given}`;
    const alike = loaded.filter((other) => other.settings.model === settings.model);
    const differing = Object.keys(props.settings)
      .filter((name) => new Set(alike.map((other) => String(other.settings[name]))).size > 1)
      .slice(0, 2)
      .map((name) =>
        name === "backend"
          ? text(`train.backend.${settings.backend}`)
          : `${text(props.settings[name])} ${settings[name]}`,
      );
    return [`${index + 1}. ${text(`train.model.${settings.model}`)}`, ...differing].join(", ");
  }

  async function load() {
    const mine = ++turn;
    const runs = list.compared;
    rememberInAddress(runs);
    const known = new Map(loaded.map((run) => [run.id, run]));
    const cursors = Object.fromEntries(loaded.map(({ id, cursor }) => [id, cursor]));
    const answer = runs.length ? await sendAndShow("load_runs", { runs, cursors }) : { runs: [] };
    if (mine !== turn || answer.error) return;
    loaded = answer.runs.map((run) => mergeStatus(known.get(run.id), run));
    paint();
  }

  function paint() {
    find("#compare-chosen").hidden = loaded.length === 0;
    if (loaded.length === 0) return;
    const runs = loaded.map((run, i) => ({
      ...run,
      name: nameOf(run, i),
      color: list.color(run.id),
    }));
    curves.paint(runs);
    facts.paint(runs);
    paintMatrices(runs.filter(({ confusion }) => confusion !== null));
  }

  let painted = ""; // which matrices, in which language: they stay while some other run trains

  function paintMatrices(runs) {
    const now = JSON.stringify([
      props.value,
      ...runs.map(({ id, name, color }) => [id, name, color]),
    ]);
    if (now === painted) return;
    painted = now;
    cells.clear();
    find("#compare-matrices").hidden = runs.length === 0;
    find("#compare-confusion").replaceChildren(
      ...runs.map((run) => {
        const reader = choiceOf(
          page,
          loaded.find(({ id }) => id === run.id),
        );
        const open = (button, count, cell) =>
          cells.open(button, count, { run: run.id, ...cell }, reader);
        const isOfDigits = run.confusion.length === 10 && run.classes.length === 0;
        const caption = `${run.name} · ${splitOfConfusion(run)}`;
        const table = confusionTable(page, run, caption, isOfDigits ? open : null);
        table.style.setProperty("--run", `var(--ink-${run.color})`);
        return table;
      }),
    );
  }

  function rememberInAddress(ids) {
    writeAddress((parameters) => {
      if (ids.length) parameters.set(PARAMETER, ids.join(","));
      else parameters.delete(PARAMETER);
    });
  }

  async function stop(run) {
    await sendAndShow("steer", { run, action: "stop" });
    refresh();
  }

  // From the Train page: the runs to compare.
  addEventListener("inkgrad:compare", async ({ detail }) => {
    await refresh();
    list.choose(detail);
    scrollTo({ top: 0 });
  });

  // -- deleting --

  find("#compare-delete").addEventListener("click", async () => {
    const runs = list.deletable;
    const answer = await sendAndShow("delete_runs", { runs });
    if (answer.error) return;
    dispatchEvent(new CustomEvent("inkgrad:deleted", { detail: runs })); // to the Draw page
    dispatchEvent(new CustomEvent("inkgrad:runs"));
    await refresh();
    undo.focus();
  });

  async function restore(runs) {
    const { error } = await sendAndShow("restore_runs", { runs });
    await refresh();
    if (error) find("#compare-notice").textContent = error; // which refreshing took away
    else dispatchEvent(new CustomEvent("inkgrad:restored", { detail: runs })); // to the Draw page
    dispatchEvent(new CustomEvent("inkgrad:runs"));
    find(".runs .scroll").focus();
  }

  // -- downloads --

  find("#compare-downloads").addEventListener("click", async ({ target }) => {
    const form = target.closest("button")?.value;
    if (!form) return;
    const file = await sendAndShow("export_runs", {
      runs: list.compared,
      form,
      language: props.value,
    });
    if (!file.error) saveFile(file.name, [file.text], file.type);
  });

  // -- start --

  async function refresh() {
    const answer = await sendAndShow("list_runs", { version: list.version });
    if (answer.error) return;
    const wasBusy = list.busy;
    list.set(answer);
    undo.paint(answer.deletions);
    if (wasBusy || list.busy) load();
  }

  function showWhatTheAddressNames() {
    const ids = parameter(PARAMETER)?.split(",") ?? [];
    list.choose(ids.length ? ids : list.newest);
  }

  async function start() {
    await refresh();
    showWhatTheAddressNames();
  }

  translate();
  start();
  // Coming back from the Train page shows what was trained there.
  const isShown = () => element.offsetParent !== null;
  let wasShown = isShown();
  setInterval(() => {
    const opened = isShown() && !wasShown;
    wasShown = isShown();
    if (wasShown && (opened || list.busy) && !document.hidden) refresh();
  }, PERIOD);
  watchTab(element, "compare", {
    back: showWhatTheAddressNames,
    opened: () => rememberInAddress(list.compared),
  });
  gradio.watch("value", () => {
    translate();
    list.paint();
    undo.paint();
    paint();
  });
}
