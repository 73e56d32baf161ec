// The runs that train now, to open or stop them; earlier ones, to open one again; and weights from a
// file.
import { make, makeButton } from "../../web/elements.js";
import { createLabelDialog, labelButton } from "../../web/label_dialog.js";
import { createSplits } from "../../web/splits.js";
import { sendFile } from "./files.js";

const TIME = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
const PERIOD = 3000; // milliseconds between two looks while something trains

// createEarlierRuns(page, {opened, labeled}) where
//   opened(run)          receives the id of the run to show
//   labeled(run, label)  the run has a new name and note
export function createEarlierRuns(page, { opened, labeled }) {
  const { element, find, props, server, text, number, percent, dataName, messageText } = page;
  const { measured, onValidation } = createSplits(page);
  const rename = createLabelDialog(page, (run, label) => {
    refresh();
    labeled(run, label);
  });
  let running = [];
  let earlier = [];
  let older = 0; // runs that are not listed here
  let notice = "";

  const modelOf = (run) =>
    `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`;
  const nameOf = (run) => [run.name, modelOf(run)].filter(Boolean).join(" · ");

  // Two columns: an accuracy on the validation part is none on the test set.
  function results(run) {
    if (run.state === "queued") return ["", text("train.phase.queued")];
    if (run.active) return ["", percent(run.steps ? run.done / run.steps : 0, 0)];
    const validation = onValidation(run.validation_accuracy, run.validation_examples);
    const test = measured(run.accuracy, run.test_examples);
    if (!validation && !test) return ["", text(`train.phase.${run.state}`)];
    const isTraining = run.validation_examples === 0; // then the words say so
    return [
      validation && (isTraining ? validation : text("train.validated", { validation })),
      test && text("train.tested", { test }),
    ];
  }

  function openButton(run) {
    const [validation, how] = results(run);
    const values = {
      when: new Date(run.created).toLocaleString(props.value, TIME),
      what: nameOf(run),
      data: dataName(run.data),
      validation,
      how,
      ...(run.note && { note: run.note }),
    };
    const button = makeButton("", () => opened(run.id));
    button.className = "open";
    for (const [className, textContent] of Object.entries(values)) {
      button.append(make("span", { className, textContent }));
    }
    return button;
  }

  function pencil(run) {
    const of = text("train.run", {
      name: nameOf(run),
      created: new Date(run.created).toLocaleString(props.value, TIME),
    });
    return labelButton(page, of, () => rename(run, of));
  }

  function runningItem(run) {
    if (!run.own) return make("li", {}, [openButton(run)]); // only who started it may stop it
    const stop = makeButton(text("train.stop"), async () => {
      stop.disabled = true;
      await server.steer({ run: run.id, action: "stop" });
      refresh();
    });
    stop.setAttribute("aria-label", text("train.stop_run", { model: nameOf(run) }));
    return make("li", {}, [openButton(run), pencil(run), stop]);
  }

  function paint() {
    find("#train-running").hidden = running.length === 0;
    find("#train-running ol").replaceChildren(...running.map(runningItem));
    const items = earlier.map((run) => make("li", {}, [openButton(run), pencil(run)]));
    find("#train-earlier").replaceChildren(
      ...(items.length ? items : [make("li", { textContent: text("train.earlier.none") })]),
    );
    find("#train-all").hidden = older === 0;
    find("#train-all").textContent = text("train.earlier.all", { count: number(older, 0) });
    find("#train-notice").hidden = !notice;
    find("#train-notice").textContent = notice ? messageText(notice) : "";
  }

  async function refresh() {
    const answer = await server.listed({}).catch(() => undefined);
    if (!answer || answer.error) return;
    const before = JSON.stringify([running, earlier, older, notice]);
    ({ running, earlier, older, notice } = answer);
    if (JSON.stringify([running, earlier, older, notice]) !== before) paint(); // else the focus stays
  }

  setInterval(() => {
    if (running.length && element.offsetParent !== null && !document.hidden) refresh();
  }, PERIOD);

  find("#train-all").addEventListener("click", () =>
    document.querySelector("[role=tab][data-tab-id=compare]").click(),
  );
  addEventListener("inkgrad:runs", refresh); // renamed, deleted or restored on the Compare page

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
