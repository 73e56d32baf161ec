// The runs that the server keeps, to open one again; and weights from a file.
import { make, makeButton } from "../../web/elements.js";
import { sendFile } from "./files.js";

const TIME = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };

// createEarlierRuns(page, {opened}) where opened(run) receives the id of the run to show
export function createEarlierRuns(page, { opened }) {
  const { find, props, server, text, number, dataName, messageText } = page;
  let runs = [];

  function itemOf(run) {
    const values = {
      when: new Date(run.created).toLocaleString(props.value, TIME),
      what: `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`,
      data: dataName(run.data),
      how:
        run.accuracy === null
          ? text(`train.phase.${run.state}`)
          : `${number(100 * run.accuracy, 2)} %`,
    };
    const button = makeButton("", () => opened(run.id));
    for (const [className, textContent] of Object.entries(values)) {
      button.append(make("span", { className, textContent }));
    }
    return make("li", {}, [button]);
  }

  function paint() {
    const items = runs.length
      ? runs.map(itemOf)
      : [make("li", { textContent: text("train.earlier.none") })];
    find("#train-earlier").replaceChildren(...items);
  }

  async function refresh() {
    runs = (await server.earlier({}))?.runs ?? runs;
    paint();
  }

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
