// The result of a run: its score on examples that it has never seen, the confusion matrix, and what
// to do with the model: export it, or read digits with it on the Draw page.
import { fromBase64 } from "../../web/base64.js";
import { createCells } from "../../web/cells.js";
import { confusionTable } from "../../web/confusion.js";
import { saveFile } from "../../web/downloads.js";
import { make, makeButton } from "../../web/elements.js";
import { choiceOf } from "../../web/run_choice.js";
import { createSplits } from "../../web/splits.js";
import { ofBackend } from "./backends.js";

const FORMATS = ["weights", "onnx", "script", "record"];

export function createResult(page) {
  const { find, props, server, text, number, percent, dataName, messageText } = page;
  const { splitOfConfusion } = createSplits(page);
  const cells = createCells(page, find("#train-cells"), server.cell);
  let painted = ""; // which runs, in which language

  async function exportRun(run, format) {
    find("#train-export-note").textContent = text("train.export.making");
    const answer = await server.export({ run: run.id, format });
    const error = answer ? messageText(answer.error ?? "") : text("train.failed");
    find("#train-export-note").textContent = error;
    if (!error) saveFile(answer.name, [fromBase64(answer.content)]);
  }

  const reader = ({ id, status }) => choiceOf(page, { ...status, id });

  function sendToDraw(run) {
    dispatchEvent(new CustomEvent("inkgrad:model", { detail: reader(run) }));
  }

  function exportButtons(run, several) {
    const row = make("div", { className: "exports" });
    if (several) row.append(ofBackend(page, run.status, ""));
    if (run.readsDigits) row.append(makeButton(text("train.send"), () => sendToDraw(run)));
    for (const format of FORMATS) {
      row.append(makeButton(text(`train.export.${format}`), () => exportRun(run, format)));
    }
    return row;
  }

  function score({ test, data }) {
    if (!test) return text("train.score.none");
    const values = {
      data: dataName(data),
      percent: percent(test.accuracy, 2),
      examples: number(test.examples, 0),
      loss: number(test.loss, 4),
    };
    return text("train.score", values);
  }

  function paint(runs) {
    const done = runs.filter(
      ({ status }) => status?.complete && (status.epochs.length || status.test),
    );
    find(".result").hidden = done.length === 0;
    const now = [props.value, ...done.map(({ id }) => id)].join();
    if (now === painted) return; // while the other run of a race trains on, these buttons stay
    painted = now;
    cells.clear();
    if (done.length === 0) return;
    const isRace = done.length > 1;
    const lines = done.map(({ status }) => {
      const words = score(status);
      return make("span", { textContent: isRace ? ofBackend(page, status, words) : words });
    });
    find("#train-score").replaceChildren(...lines);
    find("#train-exports").replaceChildren(...done.map((run) => exportButtons(run, isRace)));
    showConfusion(done[0]);
  }

  function caption(status) {
    return text("train.confusion", { split: splitOfConfusion(status) });
  }

  function showConfusion(run) {
    const { id, readsDigits, status } = run;
    const open = (button, count, cell) =>
      cells.open(button, count, { run: id, ...cell }, reader(run));
    const table =
      status.confusion && confusionTable(page, status, caption(status), readsDigits ? open : null);
    find("#train-confusion").replaceChildren(...(table ? [table] : []));
  }

  return { paint };
}
