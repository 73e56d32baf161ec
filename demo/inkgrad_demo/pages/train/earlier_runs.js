// The runs that train now, to open or stop them; earlier ones, to open one again; and weights from a
// file.
import { make, makeButton } from "../../web/elements.js";
import { sendFile } from "./files.js";

const TIME = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
const PERIOD = 3000; // milliseconds between two looks while something trains

// createEarlierRuns(page, {opened}) where opened(run) receives the id of the run to show
export function createEarlierRuns(page, { opened }) {
  const { element, find, props, server, text, percent, dataName, messageText } = page;
  let running = [];
  let earlier = [];
  let notice = "";

  function resultText(run) {
    if (run.active) return percent(run.steps ? run.done / run.steps : 0, 0);
    if (run.accuracy !== null) return text("train.tested", { percent: percent(run.accuracy, 2) });
    if (run.validation_accuracy === null) return text(`train.phase.${run.state}`);
    return text("train.validated", { percent: percent(run.validation_accuracy, 2) });
  }

  function openButton(run) {
    const values = {
      when: new Date(run.created).toLocaleString(props.value, TIME),
      what: `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`,
      data: dataName(run.data),
      how: resultText(run),
    };
    const button = makeButton("", () => opened(run.id));
    button.className = "open";
    for (const [className, textContent] of Object.entries(values)) {
      button.append(make("span", { className, textContent }));
    }
    return button;
  }

  function runningItem(run) {
    const stop = makeButton(text("train.stop"), async () => {
      stop.disabled = true;
      await server.steer({ run: run.id, action: "stop" });
      refresh();
    });
    stop.setAttribute(
      "aria-label",
      text("train.stop_run", { model: text(`train.model.${run.model}`) }),
    );
    return make("li", {}, [openButton(run), stop]);
  }

  function paint() {
    find("#train-running").hidden = running.length === 0;
    find("#train-running ol").replaceChildren(...running.map(runningItem));
    const items = earlier.map((run) => make("li", {}, [openButton(run)]));
    find("#train-earlier").replaceChildren(
      ...(items.length ? items : [make("li", { textContent: text("train.earlier.none") })]),
    );
    find("#train-notice").hidden = !notice;
    find("#train-notice").textContent = notice ? messageText(notice) : "";
  }

  async function refresh() {
    const answer = await server.listed({}).catch(() => undefined);
    if (!answer || answer.error) return;
    const before = JSON.stringify([running, earlier, notice]);
    ({ running, earlier, notice } = answer);
    if (JSON.stringify([running, earlier, notice]) !== before) paint(); // else the focus stays
  }

  setInterval(() => {
    if (running.length && element.offsetParent !== null && !document.hidden) refresh();
  }, PERIOD);

  find("#train-weights").addEventListener("change", async ({ target }) => {
    const answer = await sendFile(page, target.files[0], server.import_weights);
    target.value = ""; // so that the same file can be chosen again
    find("#train-load-error").textContent = messageText(answer.error ?? "");
    if (answer.error) return;
    refresh();
    opened(answer.run);
  });

  return { paint, refresh };
}
