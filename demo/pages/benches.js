// The form of the benchmark, and what has been measured beside what comes with inkgrad.

function createBenches({ ops, dtypes, threads, sizes, presets }) {
  const CUSTOM = ""; // the value of "sizes of one's own" among the cases
  const KEPT = 24; // rows measured on this page
  const DIRECTIONS = ["forward", "forward+backward"];
  let committed = { environment: null, ceilings: [], results: [] };
  let measured = []; // newest first
  let ceilings = []; // newest first
  let expected = 0; // rows of the job under way
  let received = 0;
  let limited = false; // the ceilings of the job under way are known

  // -- the form --

  const form = find("#kernels-bench-form");
  const [opInput, caseInput, dtypeInput, threadsInput] =
    ["op", "case", "dtype", "threads"].map((name) => find(`#kernels-${name}`));
  const USUAL = "float32";
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
    paint();
  });
  caseInput.addEventListener("change", () => {
    const preset = known().find(({ case: name }) => name === caseInput.value);
    if (preset) laySizes(preset.sizes);
    else sizeInputs()[0].focus();
  });
  dtypeInput.addEventListener("change", () => {
    layCases();
    paint();
  });
  threadsInput.addEventListener("change", paint);
  find("#kernels-sizes").addEventListener("input", nameSizes);
  form.addEventListener("submit", (event) => event.preventDefault());

  // -- what is known --

  const same = (a) => (b) => ["op", "case", "direction", "dtype", "threads"].every((name) => a[name] === b[name]);
  const shown = (row) => row.op === op() && row.dtype === dtypeInput.value && row.threads === threadCount();
  const committedRatio = (row) => committed.results.find(same(row))?.ratio.native.median ?? null;

  // Measured rows of what is chosen, then the committed ones of other cases.
  function rows() {
    const fresh = measured.filter(shown).map((row) => ({ ...row, fresh: true }));
    const old = committed.results.filter((row) => shown(row) && !fresh.some(same(row)));
    const main = old.filter((row) => row.main);
    return [...fresh, ...(main.length ? main : old).map((row) => ({ ...row, fresh: false }))];
  }

  function groups(all) {
    const byCase = new Map();
    for (const row of all) {
      if (!byCase.has(row.case)) byCase.set(row.case, []);
      byCase.get(row.case).push({ ...row, ratio: row.ratio.native, committed: row.fresh ? committedRatio(row) : null });
    }
    const place = ({ direction }) => DIRECTIONS.indexOf(direction);
    return [...byCase].map(([name, bars]) => ({ name, bars: bars.sort((a, b) => place(a) - place(b)) }));
  }

  // Less than the process's own coming and going tells nothing.
  const LEAST_MEMORY = 2 ** 18;

  function memory({ native, ours }) {
    if (ours === null) return "–";
    const bytes = (size) => (size < LEAST_MEMORY ? `< ${megabytes(LEAST_MEMORY)}` : megabytes(size));
    return `${bytes(native)} → ${bytes(ours)}`;
  }

  // -- painting --

  function paint() {
    const all = rows();
    paintSpeedups(find("#kernels-speedup"), groups(all));
    const ceiling = [...ceilings, ...committed.ceilings]
      .find((found) => found.threads === threadCount() && dtypeInput.value in found.gflops) ?? null;
    paintRoofline(find("#kernels-roofline"), ceiling, all, dtypeInput.value);
    find("#kernels-speedup").setAttribute("aria-label", text("kernels.bench.speedup_label", {
      rows: all.map((row) => `${row.case}, ${row.direction}: ${digits(row.ratio.native.median)}`).join("; "),
    }));
    find("#kernels-roofline").setAttribute("aria-label", text("kernels.bench.roofline"));
    paintKey();
    paintTable();
    paintCommitted();
  }

  function paintKey() {
    find("#kernels-speedup-key").innerHTML =
      DIRECTIONS.map((direction) => `<span class="${direction === "forward" ? "forward" : "both"}">■ ${direction}</span>`).join("") +
      `<span>${text("kernels.bench.speedup_key")}</span>`;
  }

  function paintTable() {
    const table = find("#kernels-rows");
    table.replaceChildren();
    find("#kernels-noisy").hidden = !measured.some((row) => row.noisy);
    if (measured.length === 0) return;
    const heads = ["case", "direction", "native", "ours", "ratio", "committed", "ceiling", "error", "memory"];
    const titles = heads.map((head) => `<th scope="col">${text(props.column_texts[head])}</th>`).join("");
    table.innerHTML = `<thead><tr>${titles}</tr></thead><tbody></tbody>`;
    for (const row of measured) {
      const cells = [
        row.direction,
        duration(row.seconds.native.median),
        duration(row.seconds.ours.median),
        `<b>${digits(row.ratio.native.median)}×</b> <small>${digits(row.ratio.native.lower)}–${digits(row.ratio.native.upper)}${row.noisy ? " ~" : ""}</small>`,
        committedRatio(row) === null ? "–" : `${digits(committedRatio(row))}×`,
        row.ceiling ? `${number(100 * row.ceiling.native, 0)} → ${number(100 * row.ceiling.ours, 0)} %` : "–",
        row.errors ? `${scientific(row.errors.output?.native ?? 0)} → ${scientific(row.errors.output?.ours ?? 0)}` : "–",
        memory(row.peak_bytes),
      ];
      const { op: name, case: which, dtype, threads: count } = row;
      const where = `${which.includes(dtype) || dtype === "float32" ? "" : `${dtype}, `}${text("kernels.bench.on_threads", { count })}`;
      table.tBodies[0].insertAdjacentHTML("beforeend",
        `<tr><th scope="row">${name}<small>${which} · ${where}</small></th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
    }
  }

  function paintCommitted() {
    const { environment } = committed;
    find("#kernels-committed").textContent = environment === null
      ? text("kernels.bench.no_committed")
      : text("kernels.bench.committed", {
          processor: environment.processor,
          processors: environment.processors,
          kernels: environment.build.cpu_library_loaded,
          date: environment.date.slice(0, 10),
          commit: environment.commit ?? "–",
        });
  }

  const first = known()[0];
  laySizes(first?.sizes ?? {});
  layCases();

  return {
    question, fault, paint,
    begun(asked) {
      [expected, received, limited] = [DIRECTIONS.length, 0, false];
      opInput.value = asked.op;
      dtypeInput.value = asked.dtype;
      threadsInput.value = asked.threads;
      laySizes(asked.sizes);
      layCases();
      paint();
    },
    told({ ceiling, result, done }) {
      if (ceiling) {
        limited = true;
        ceilings.unshift(ceiling);
      }
      if (result) {
        received += 1;
        measured = [result, ...measured].slice(0, KEPT);
      }
      if (done) find("#kernels-bench .trouble").textContent = done.failures.map(({ error }) => error).join("\n");
      paint();
    },
    status: () => ({
      text: limited
        ? text("kernels.bench.measuring", { number: Math.min(received + 1, expected), total: expected })
        : text("kernels.bench.limiting"),
      share: expected ? (received + (limited ? 0.5 : 0.2)) / (expected + 0.5) : 0,
    }),
    speak() {
      layCases();
      paint();
    },
    setCommitted(found) {
      committed = found;
      paint();
    },
  };
}
