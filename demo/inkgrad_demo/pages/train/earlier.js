// The runs that the server keeps, to open one again; and weights from a file.
//
// createEarlier({opened}) where opened(run) is told the id of the run to show
function createEarlier({ opened }) {
  const WHEN = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  let runs = [];

  function entry(run) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const when = new Date(run.created).toLocaleString(props.value, WHEN);
    const values = [
      ["when", when],
      ["what", `${text(`train.model.${run.model}`)} · ${text(`train.backend.${run.backend}`)}`],
      ["data", dataName(run.data)],
      ["how", run.accuracy === null ? text(`train.phase.${run.state}`) : `${number(100 * run.accuracy, 2)} %`],
    ];
    for (const [name, value] of values) {
      button.append(Object.assign(document.createElement("span"), { className: name, textContent: value }));
    }
    button.addEventListener("click", () => opened(run.run));
    item.append(button);
    return item;
  }

  function paint() {
    find("#train-earlier").replaceChildren(...runs.map(entry));
    if (runs.length === 0) find("#train-earlier").textContent = text("train.earlier.none");
  }

  async function refresh() {
    runs = (await server.earlier({}))?.runs ?? runs;
    paint();
  }

  find("#train-weights").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    const answer = await sendFile(file, server.take_in);
    event.target.value = "";
    find("#train-load-error").textContent = said(answer.error ?? "");
    if (answer.error) return;
    refresh();
    opened(answer.run);
  });

  return { paint, refresh };
}
