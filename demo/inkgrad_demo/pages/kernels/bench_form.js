// The form of the benchmark: an op, one of the known cases or sizes of one's own, number type and threads.
//
// createBenchForm({ops, dtypes, threads, sizes, presets}, {changed}) where changed() is called when another op,
// number type or number of threads is chosen.
function createBenchForm({ ops, dtypes, threads, sizes, presets }, { changed }) {
  const CUSTOM = ""; // the value of "sizes of one's own" among the cases
  const USUAL = "float32";
  const form = find("#kernels-bench-form");
  const [opInput, caseInput, dtypeInput, threadsInput] =
    ["op", "case", "dtype", "threads"].map((name) => find(`#kernels-${name}`));
  const option = (value, label = value) => new Option(label, value);
  opInput.append(...ops.map((op) => option(op)));
  dtypeInput.append(...dtypes.map((dtype) => option(dtype)));
  dtypeInput.value = USUAL;
  threadsInput.append(...Array.from({ length: threads }, (_, i) => option(i + 1)));

  const op = () => opInput.value;
  const threadCount = () => Number(threadsInput.value);
  const sizeInputs = () => [...find("#kernels-sizes").querySelectorAll("input")];
  const known = () => presets.filter((preset) => preset.op === op() && preset.dtype === dtypeInput.value);

  function laySizes(values) {
    find("#kernels-sizes").replaceChildren(...sizes[op()].map(({ name, default: usual, least, most }) => {
      const label = document.createElement("label");
      label.className = "field";
      label.innerHTML =
        `<span data-text="${props.size_texts[name]}"></span>` +
        `<input type="number" name="${name}" min="${least}" max="${most}" step="1" required autocomplete="off">`;
      label.querySelector("input").value = values[name] ?? usual;
      return label;
    }));
    translate();
  }

  function layCases() {
    const own = option(CUSTOM, text("kernels.bench.custom"));
    caseInput.replaceChildren(...known().map(({ case: name }) => option(name)), own);
    nameSizes();
  }

  // Which of the known cases the sizes are.
  function nameSizes() {
    const now = question().sizes;
    const match = known().find((preset) => Object.entries(preset.sizes).every(([name, size]) => size === now[name]));
    caseInput.value = match?.case ?? CUSTOM;
  }

  const question = () => ({
    op: op(),
    sizes: Object.fromEntries(sizeInputs().map((input) => [input.name, input.valueAsNumber])),
    dtype: dtypeInput.value,
    threads: threadCount(),
    quick: !find("#kernels-thorough").checked,
  });

  // The first number that cannot be, in words; null if all can.
  function fault() {
    const wrong = sizeInputs().find((input) => !input.validity.valid);
    if (wrong) {
      wrong.focus();
      return text("kernels.bench.range", { name: text(props.size_texts[wrong.name]), least: wrong.min, most: wrong.max });
    }
    const { height, width, kernel, stride, padding } = question().sizes;
    const outputs = op() === "conv2d_relu_max_pool2d" ? 2 : 1;
    const least = kernel + (outputs - 1) * stride - 2 * padding;
    return Math.min(height, width) < least ? text("kernels.bench.small", { least }) : null;
  }

  opInput.addEventListener("change", () => {
    const first = known()[0] ?? presets.find((preset) => preset.op === op());
    laySizes(first?.sizes ?? {});
    layCases();
    changed();
  });
  caseInput.addEventListener("change", () => {
    const preset = known().find(({ case: name }) => name === caseInput.value);
    if (preset) laySizes(preset.sizes);
    else sizeInputs()[0].focus();
  });
  dtypeInput.addEventListener("change", () => {
    layCases();
    changed();
  });
  threadsInput.addEventListener("change", () => changed());
  find("#kernels-sizes").addEventListener("input", nameSizes);
  form.addEventListener("submit", (event) => event.preventDefault());

  const first = known()[0];
  laySizes(first?.sizes ?? {});
  layCases();

  return {
    question, fault,
    set(asked) {
      opInput.value = asked.op;
      dtypeInput.value = asked.dtype;
      threadsInput.value = asked.threads;
      laySizes(asked.sizes);
      layCases();
    },
    speak: layCases, // a case is named in the page's language
    shows: (row) => row.op === op() && row.dtype === dtypeInput.value && row.threads === threadCount(),
    get dtype() { return dtypeInput.value; },
    get threads() { return threadCount(); },
  };
}
