// The Compare page: wires the list of runs, what is shown of those chosen, deleting and downloads.
// Gradio runs this with `element` (the page), `props` and `server` (see compare.py for what is in them).

const EVERY = 2000; // milliseconds between two looks while something trains
const PARAMETER = "compare"; // of the address, which runs are compared

const list = createList({ changed: load });
const curves = createCurves();
const facts = createFacts();
const cells = createCells(find("#compare-cells"), server.cell);
let loaded = [];
let turn = 0; // raised by load(): answers to earlier questions are of no interest

// What the server says; an object with `error` if it says that something is wrong, or nothing.
async function ask(name, question) {
  const answer = await server[name](question).catch(() => undefined);
  const complaint = answer ? said(answer.error ?? "") : text("compare.failed");
  find("#compare-notice").textContent = complaint;
  return complaint ? { error: complaint } : answer;
}

// -- the runs that are chosen --

// The model, and in what the run differs from the others of that model.
function nameOf(run, number) {
  const backend = text(`train.backend.${run.settings.backend}`);
  const alike = loaded.filter(({ settings }) => settings.model === run.settings.model);
  const differing = Object.keys(props.settings)
    .filter((name) => new Set(alike.map(({ settings }) => String(settings[name]))).size > 1)
    .slice(0, 2)
    .map((name) => (name === "backend" ? backend : `${text(props.settings[name])} ${run.settings[name]}`));
  return [`${number + 1}. ${text(`train.model.${run.settings.model}`)}`, ...differing].join(", ");
}

async function load() {
  const mine = ++turn;
  const ids = list.chosen;
  remember(ids);
  const answer = ids.length ? await ask("load_runs", { runs: ids }) : { runs: [] };
  if (mine !== turn || answer.error) return;
  loaded = answer.runs;
  paint();
}

function paint() {
  find("#compare-chosen").hidden = loaded.length === 0;
  if (loaded.length === 0) return;
  const runs = loaded.map((run, i) => ({ ...run, name: nameOf(run, i), colour: list.colour(run.id) }));
  curves.paint(runs);
  facts.paint(runs);
  paintMatrices(runs.filter(({ confusion }) => confusion !== null));
}

let painted = ""; // which matrices, in which language: they stay while some other run trains

function paintMatrices(judged) {
  const now = JSON.stringify([props.value, ...judged.map(({ id, name, colour }) => [id, name, colour])]);
  if (now === painted) return;
  painted = now;
  cells.clear();
  find("#compare-matrices").hidden = judged.length === 0;
  find("#compare-confusion").replaceChildren(...judged.map((run) => {
    const open = (button, count, cell) => cells.open(button, count, { run: run.id, ...cell });
    const table = confusionTable(run.confusion, run.name, run.confusion.length === 10 ? open : null);
    table.style.setProperty("--run", `var(${run.colour})`);
    return table;
  }));
}

function remember(ids) {
  const address = new URL(location);
  if (ids.length) address.searchParams.set(PARAMETER, ids.join(","));
  else address.searchParams.delete(PARAMETER);
  history.replaceState(history.state, "", address);
}

// -- deleting --

const sure = find("#compare-sure");

find("#compare-delete").addEventListener("click", () => {
  const { length: count } = list.chosen;
  find("#compare-sure-words").textContent = text(count === 1 ? "compare.sure.one" : "compare.sure", { count });
  sure.showModal();
});
find("#compare-keep").addEventListener("click", () => sure.close());
find("#compare-forget").addEventListener("click", async () => {
  sure.close();
  const runs = list.chosen;
  const answer = await ask("delete_runs", { runs });
  if (answer.error) return;
  dispatchEvent(new CustomEvent("inkgrad:deleted", { detail: runs })); // to the Draw page
  refresh();
});

// -- downloads --

find("#compare-downloads").addEventListener("click", async ({ target }) => {
  const form = target.closest("button")?.value;
  if (!form) return;
  const file = await ask("export_runs", { runs: list.chosen, form, language: props.value });
  if (file.error) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

// -- start --

async function refresh() {
  const answer = await ask("list_runs", {});
  if (answer.error) return;
  const busy = list.busy;
  list.set(answer);
  if (busy || list.busy) load();
}

const isShown = () => element.offsetParent !== null;

async function begin() {
  await refresh();
  const asked = new URLSearchParams(location.search).get(PARAMETER)?.split(",") ?? [];
  list.choose(asked.length ? asked : list.newest);
}

translate();
begin();
// Whoever comes back from the Train page sees what was trained there.
let shown = isShown();
setInterval(() => {
  const before = shown;
  shown = isShown();
  if (shown && (!before || list.busy) && !document.hidden && !sure.open) refresh();
}, EVERY);
watch("value", () => {
  translate();
  list.paint();
  paint();
});
