// Lesson 8: the loader at work, batch by batch: which examples it takes from the data set.

let seed = 0;
let loaded = { epochs: [], iterations: 0 };

translate();

const controls = createControls({ changed: () => request() });

function box(tag, className, words = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  return made;
}

// Every example once in the data set, and in every epoch in its batch.
function build() {
  const { count } = controls.values();
  find(".examples").replaceChildren(...Array.from({ length: count }, (_, i) => box("li", "example", i)));
  find(".epochs").replaceChildren(
    ...loaded.epochs.map((batches, i) => {
      const row = box("div", "epoch");
      row.append(box("span", "name", text("lessons.data_loader.epoch", { number: i + 1 })));
      for (const batch of batches) {
        const shown = box("ol", "batch");
        shown.append(...batch.map((example) => box("li", "example", example)));
        row.append(shown);
      }
      return row;
    }),
  );
}

const batches = () => loaded.epochs.flat();

// Step 0 is before the first batch.
function showStep(step) {
  if (loaded.iterations === 0) return;
  const now = batches()[step - 1] ?? [];
  const epoch = Math.ceil(step / loaded.iterations);
  const seen = new Set(loaded.epochs[epoch - 1]?.slice(0, step - (epoch - 1) * loaded.iterations).flat());
  find(".examples").childNodes.forEach((each, example) => {
    each.classList.toggle("now", now.includes(example));
    each.classList.toggle("seen", seen.has(example));
  });
  element.querySelectorAll(".batch").forEach((each, i) => {
    each.classList.toggle("now", i === step - 1);
    each.classList.toggle("done", i < step - 1);
  });
  const { iterations } = loaded;
  const iteration = step - (epoch - 1) * iterations;
  const values = { epoch, iteration, iterations, batch: now.join(", "), size: now.length };
  find(".summary").textContent =
    step === 0 ? text("lessons.data_loader.start") : text("lessons.data_loader.summary", values);
}

const player = createPlayer(find(".steps"), { show: showStep, milliseconds: 500 });

const { request } = asking(
  () => ({ ...controls.values(), seed }),
  (answer) => {
    loaded = answer;
    const { count, batch_size } = controls.values();
    tell({ formula: text("lessons.data_loader.formula", { count, batch_size, iterations: loaded.iterations }) });
    build();
    player.load(batches().length, Math.min(1, batches().length));
  },
);

find(".seed").addEventListener("click", () => {
  seed += 1;
  request();
});
request();
