// Lesson 7: activations and optimizers side by side, on the diabetes table or a CSV file of one's own.

const MOST_RUNS = SERIES.length; // the latest are compared, each in a colour of its own

let file = null; // {name, csv}: the reader's own table
let runs = []; // newest first: {what, losses, ...}

translate();

const controls = createControls({ formats: { lr: figures }, changed: () => request() });

const plot = createPlot(find(".losses"), {
  x: [0, 100],
  y: [0, 0.8],
  names: [text("lessons.many_features.epoch"), text("lessons.many_features.loss")],
  paint(pen) {
    for (const { losses, series } of [...runs].reverse()) {
      pen.line(losses.map((loss, i) => [i + 1, loss]), series, { width: losses === runs[0].losses ? 3 : 1.2 });
    }
  },
});

function listRuns() {
  const head = [
    "",
    text("lessons.many_features.run"),
    text("lessons.many_features.last_loss"),
    text("lessons.many_features.train_accuracy"),
    text("lessons.many_features.test_accuracy"),
  ];
  const rows = runs.map(({ series, what, losses, train_accuracy, test_accuracy }) => {
    const dot = `<i class="dot ${series}"></i>`;
    return [dot, what, number(losses.at(-1), 4), percent(train_accuracy), percent(test_accuracy)];
  });
  find(".runs").innerHTML = tableOf(head, rows);
}

function addRun(answer) {
  const { activation, optimizer, lr, epochs } = controls.values();
  const what = text("lessons.many_features.settings", { activation, optimizer, lr: figures(lr), epochs });
  runs = runs.filter((run) => run.what !== what);
  const free = SERIES.find((series) => runs.slice(0, MOST_RUNS - 1).every((run) => run.series !== series));
  runs = [{ ...answer, what, series: free }, ...runs].slice(0, MOST_RUNS);
  plot.x = [0, Math.max(...runs.map(({ losses }) => losses.length))];
  plot.y = [0, Math.min(3, 1.05 * Math.max(...runs.flatMap(({ losses }) => losses)))];
  plot.repaint();
  listRuns();
}

const { request } = asking(
  () => ({ ...controls.values(), ...(file && { file: file.name, csv: file.csv }) }),
  (answer) => {
    find(".problem").textContent =
      answer.problem ? text("lessons.many_features.problem", { problem: said(answer.problem) })
      : answer.diverged ? text("lessons.many_features.diverged")
      : "";
    if (answer.problem || answer.diverged) return;
    const key = answer.stand_in ? "lessons.many_features.stand_in" : "lessons.many_features.table";
    find(".table-of").textContent = text(key, {
      ...answer, data: said(answer.data), majority: percent(answer.majority),
    });
    addRun(answer);
  },
);

// -- a table of one's own --

const input = find("[type=file]");

function use(chosen) {
  file = chosen;
  runs = [];
  find(".drop").hidden = file === null;
  request();
}

function read(chosen) {
  const reader = new FileReader();
  reader.addEventListener("load", () => use({ name: chosen.name, csv: reader.result.split(",")[1] ?? "" }));
  reader.readAsDataURL(chosen);
}

find(".choose").addEventListener("click", () => input.click());
find(".drop").addEventListener("click", () => use(null));
input.addEventListener("change", () => {
  if (input.files.length) read(input.files[0]);
  input.value = ""; // so that the same file, mended, can be chosen again
});

request();
