// What a run came to: its score on examples that it has never seen, which digits it takes for which, and what
// to do with it: download it, or read digits with it on the Draw page.
function createResult() {
  const cells = createCells(find("#train-cells"), server.cell);
  let painted = ""; // which runs, in which language
  const FORMATS = ["weights", "onnx", "script", "record"];

  function button(key, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text(key) });
    made.addEventListener("click", act);
    return made;
  }

  async function download(run, format) {
    find("#train-export-note").textContent = text("train.export.making");
    const answer = await server.export({ run: run.id, format });
    find("#train-export-note").textContent = answer ? said(answer.error ?? "") : text("train.failed");
    if (!answer || answer.error) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([fromBase64(answer.content)]));
    link.download = answer.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function send({ id, progress }) {
    const { model, data, test } = progress;
    const sent = { model: id, name: text(`train.model.${model}`), note: dataName(data) };
    const detail = { ...sent, accuracy: test?.accuracy ?? null };
    dispatchEvent(new CustomEvent("inkgrad:model", { detail }));
  }

  function exportsOf(run, several) {
    const row = document.createElement("div");
    row.className = "exports";
    if (several) row.append(ofBackend(run.progress, ""));
    if (run.readsDigits) row.append(button("train.send", () => send(run)));
    for (const format of FORMATS) row.append(button(`train.export.${format}`, () => download(run, format)));
    return row;
  }

  function sentence({ test }) {
    if (!test) return text("train.score.none");
    const percent = `${number(100 * test.accuracy, 2)} %`;
    return text("train.score", { percent, examples: number(test.examples, 0), loss: number(test.loss, 4) });
  }

  function paint(runs) {
    const done = runs.filter(({ progress }) => progress?.judged && (progress.epochs.length || progress.test));
    find(".result").hidden = done.length === 0;
    const now = [props.value, ...done.map(({ id }) => id)].join();
    if (now === painted) return; // while the other one of a race trains on, its buttons stay
    painted = now;
    cells.clear();
    if (done.length === 0) return;
    const lines = done.map(({ progress }) => {
      const line = sentence(progress);
      const textContent = done.length === 1 ? line : ofBackend(progress, line);
      return Object.assign(document.createElement("span"), { textContent });
    });
    find("#train-score").replaceChildren(...lines);
    find("#train-exports").replaceChildren(...done.map((run) => exportsOf(run, done.length > 1)));
    const [{ id, readsDigits, progress: { confusion: counts } }] = done;
    const open = (button, count, cell) => cells.open(button, count, { run: id, ...cell });
    const table = counts && confusionTable(counts, text("train.confusion"), readsDigits ? open : null);
    find("#train-confusion").replaceChildren(...(table ? [table] : []));
  }

  return { paint };
}
