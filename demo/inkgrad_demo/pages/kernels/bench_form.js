// The form of the benchmark: an op, a known case or custom sizes, number type and threads.
import { make } from "../../web/elements.js";

const CUSTOM = ""; // the value of "custom sizes" among the cases
const DEFAULT_DTYPE = "float32";

// createBenchForm(page, {changed}) where changed() is called when another op, number type or number
// of threads is chosen.
export function createBenchForm({ find, props, text, translate }, { changed }) {
  const { ops, dtypes, threads: maxThreads, sizes, presets } = props.choices;
  const [opInput, caseInput, dtypeInput, threadsInput] = ["op", "case", "dtype", "threads"].map(
    (name) => find(`#kernels-${name}`),
  );
  const option = (value, words = value) => new Option(words, value);
  opInput.append(...ops.map((name) => option(name)));
  dtypeInput.append(...dtypes.map((dtype) => option(dtype)));
  dtypeInput.value = DEFAULT_DTYPE;
  threadsInput.append(...Array.from({ length: maxThreads }, (_, i) => option(i + 1)));

  const op = () => opInput.value;
  const threads = () => Number(threadsInput.value);
  const sizeInputs = () => [...find("#kernels-sizes").querySelectorAll("input")];
  const knownCases = () =>
    presets.filter((preset) => preset.op === op() && preset.dtype === dtypeInput.value);

  function showSizes(values) {
    const fields = sizes[op()].map(({ name, default: usual, minimum, maximum }) => {
      const caption = make("span");
      caption.dataset.text = props.size_texts[name];
      const value = values[name] ?? usual;
      const limits = { type: "number", min: minimum, max: maximum, step: 1 };
      const input = make("input", { ...limits, name, value, required: true, autocomplete: "off" });
      return make("label", { className: "field" }, [caption, input]);
    });
    find("#kernels-sizes").replaceChildren(...fields);
    translate(find("#kernels-sizes"));
  }

  function showCases() {
    const custom = option(CUSTOM, text("kernels.bench.custom"));
    caseInput.replaceChildren(...knownCases().map((preset) => option(preset.case)), custom);
    selectCase();
  }

  // The known case that has these sizes.
  function selectCase() {
    const now = request().sizes;
    const isNow = (preset) =>
      Object.entries(preset.sizes).every(([name, size]) => size === now[name]);
    caseInput.value = knownCases().find(isNow)?.case ?? CUSTOM;
  }

  const request = () => ({
    op: op(),
    sizes: Object.fromEntries(sizeInputs().map((input) => [input.name, input.valueAsNumber])),
    dtype: dtypeInput.value,
    threads: threads(),
    quick: !find("#kernels-thorough").checked,
  });

  // Returns the first problem as text, or null.
  function check() {
    const wrong = sizeInputs().find((input) => !input.validity.valid);
    if (wrong) {
      wrong.focus();
      const { name, min, max } = wrong;
      return text("kernels.bench.range", {
        name: text(props.size_texts[name]),
        least: min,
        most: max,
      });
    }
    const { height, width, kernel, stride, padding } = request().sizes;
    const outputs = op() === "conv2d_relu_max_pool2d" ? 2 : 1;
    const least = kernel + (outputs - 1) * stride - 2 * padding;
    return Math.min(height, width) < least ? text("kernels.bench.small", { least }) : null;
  }

  function showOp() {
    const first = knownCases()[0] ?? presets.find((preset) => preset.op === op());
    showSizes(first?.sizes ?? {});
    showCases();
  }

  opInput.addEventListener("change", () => {
    showOp();
    changed();
  });
  caseInput.addEventListener("change", () => {
    const preset = knownCases().find((each) => each.case === caseInput.value);
    if (preset) showSizes(preset.sizes);
    else sizeInputs()[0].focus();
  });
  dtypeInput.addEventListener("change", () => {
    showCases();
    changed();
  });
  threadsInput.addEventListener("change", () => changed());
  find("#kernels-sizes").addEventListener("input", selectCase);
  find("#kernels-bench-form").addEventListener("submit", (event) => event.preventDefault());

  showOp();

  return {
    request,
    check,
    translate: showCases,
    set(chosen) {
      opInput.value = chosen.op;
      dtypeInput.value = chosen.dtype;
      threadsInput.value = chosen.threads;
      showSizes(chosen.sizes);
      showCases();
    },
    matches: (row) =>
      row.op === op() && row.dtype === dtypeInput.value && row.threads === threads(),
    get dtype() {
      return dtypeInput.value;
    },
    get threads() {
      return threads();
    },
  };
}
