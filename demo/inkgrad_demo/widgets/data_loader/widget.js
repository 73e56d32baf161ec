// Lesson 8: the loader at work, batch by batch: which examples it takes from the data set.
import { make } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { createPlayer } from "../../web/player.js";
import { createWidget } from "../../web/widget.js";

const PACE = 500; // milliseconds for a batch

const makeExample = (example) => make("li", { className: "example", textContent: example });

export function mount(context) {
  const widget = createWidget(context);
  const { find, findAll, text } = widget;
  let seed = 0;
  let loaded = { epochs: [], iterations: 0 }; // epochs: [[[example, ...] of a batch, ...], ...]

  const inputs = createInputs(widget, { changed: () => request() });
  const batches = () => loaded.epochs.flat();

  // Every example once in the data set, and in every epoch in its batch.
  function layOut() {
    const { count } = inputs.values();
    find(".examples").replaceChildren(...Array.from({ length: count }, (_, i) => makeExample(i)));
    const rows = loaded.epochs.map((epoch, i) => {
      const title = text("lessons.data_loader.epoch", { number: i + 1 });
      return make("div", { className: "epoch" }, [
        make("span", { className: "name", textContent: title }),
        ...epoch.map((batch) => make("ol", { className: "batch" }, batch.map(makeExample))),
      ]);
    });
    find(".epochs").replaceChildren(...rows);
  }

  // Step 0 is before the first batch.
  function showStep(step) {
    const { epochs, iterations } = loaded;
    if (iterations === 0) return;
    const now = batches()[step - 1] ?? [];
    const epoch = Math.ceil(step / iterations);
    const iteration = step - (epoch - 1) * iterations;
    const seen = new Set(epochs[epoch - 1]?.slice(0, iteration).flat());
    find(".examples").childNodes.forEach((each, example) => {
      each.classList.toggle("now", now.includes(example));
      each.classList.toggle("seen", seen.has(example));
    });
    findAll(".batch").forEach((each, i) => {
      each.classList.toggle("now", i === step - 1);
      each.classList.toggle("done", i < step - 1);
    });
    const values = { epoch, iteration, iterations, batch: now.join(", "), size: now.length };
    const key = step === 0 ? "lessons.data_loader.start" : "lessons.data_loader.summary";
    find(".summary").textContent = text(key, values);
  }

  const player = createPlayer(widget, find(".steps"), { show: showStep, milliseconds: PACE });

  const request = widget.requester(
    () => ({ ...inputs.values(), seed }),
    (answer) => {
      loaded = answer;
      const { count, batch_size } = inputs.values();
      const values = { count, batch_size, iterations: loaded.iterations };
      widget.showValues({ formula: text("lessons.data_loader.formula", values) });
      layOut();
      player.load(batches().length, Math.min(1, batches().length));
    },
  );

  find(".seed").addEventListener("click", () => {
    seed += 1;
    request();
  });
  request();
}
