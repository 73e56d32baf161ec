// Lesson 7: activations and optimizers side by side, on the diabetes table or a CSV file of one's
// own.
import { toBase64 } from "../../web/base64.js";
import { createChart } from "../../web/chart.js";
import { SERIES } from "../../web/colors.js";
import { line } from "../../web/shapes.js";
import { tableHtml } from "../../web/widget.js";

const MAX_RUNS = SERIES.length; // the latest are compared, each in its own color

// mountTable(widget, inputs) gives {request}, to be called when inputs have changed.
export function mountTable(widget, inputs) {
  const { find, text, number, steady, percent, messageText } = widget;
  const key = (name) => `lessons.many_features.${name}`;
  let file = null; // {name, csv}: the reader's own table
  let runs = []; // newest first: {what, losses, color, ...}

  const chart = createChart(widget, find(".losses"), {
    label: () => text(key("losses_label")),
    legend: false,
    x: {
      name: text(key("epoch")),
      range: () => [0, Math.max(20, ...runs.map(({ losses }) => losses.length))],
      read: (epoch) => number(Math.floor(epoch), 0),
    },
    y: {
      name: text(key("loss")),
      range: (losses) => [0, Math.min(3, 1.05 * Math.max(...losses, 0.1))],
      logarithmic: "optional",
    },
    // The newest lies on top.
    shapes: () =>
      runs
        .map(({ losses, color, what }, i) =>
          line(
            losses.map((loss, epoch) => [epoch + 1, loss]),
            color,
            { name: what, width: i ? 1.2 : 3 },
          ),
        )
        .reverse(),
  });

  function listRuns() {
    const columns = ["run", "last_loss", "train_accuracy", "test_accuracy"];
    const rows = runs.map(({ color, what, losses, train_accuracy, test_accuracy }) => {
      const swatch = `<i class="dot ${color}"></i>`;
      const accuracies = [percent(train_accuracy), percent(test_accuracy)];
      return [swatch, what, number(losses.at(-1), 4), ...accuracies];
    });
    find(".runs").innerHTML = tableHtml(["", ...columns.map((name) => text(key(name)))], rows);
  }

  function addRun(answer) {
    const { activation, optimizer, lr, epochs } = inputs.values();
    const what = text(key("settings"), { activation, optimizer, lr: steady(lr), epochs });
    const others = runs.filter((run) => run.what !== what).slice(0, MAX_RUNS - 1);
    const color = SERIES.find((each) => others.every((run) => run.color !== each));
    runs = [{ ...answer, what, color }, ...others];
    chart.repaint();
    listRuns();
  }

  function problemOf({ problem, diverged }) {
    if (problem) return text(key("problem"), { problem: messageText(problem) });
    return diverged ? text(key("diverged")) : "";
  }

  const request = widget.requester(
    () => ({ ...inputs.values(), ...(file && { file: file.name, csv: file.csv }) }),
    (answer) => {
      const problem = problemOf(answer);
      find(".problem").textContent = problem;
      if (problem) return;
      const values = {
        ...answer,
        data: messageText(answer.data),
        train_majority: percent(answer.train_majority),
        majority: percent(answer.majority),
      };
      find(".table-of").textContent = text(
        key(answer.fallback_data ? "fallback_data" : "table"),
        values,
      );
      find(".constant").textContent = answer.constant ? text(key("constant"), values) : "";
      addRun(answer);
    },
  );

  // -- the reader's own table --

  const input = find("[type=file]");

  function useFile(chosen) {
    file = chosen;
    runs = [];
    find(".drop").hidden = file === null;
    request();
  }

  find(".choose").addEventListener("click", () => input.click());
  find(".drop").addEventListener("click", () => useFile(null));
  input.addEventListener("change", async () => {
    const [chosen] = input.files;
    if (!chosen) return;
    const csv = toBase64(new Uint8Array(await chosen.arrayBuffer()));
    input.value = ""; // so that the same file, mended, can be chosen again
    useFile({ name: chosen.name, csv });
  });

  return { request };
}
