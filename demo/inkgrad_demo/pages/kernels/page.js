// The Kernels page: wires the checks, the benchmarks and what there is to read about the ops.
// Gradio runs this with `element` (the page), `props` and `server` (see kernels.py for what is in them).

// -- what was built and loaded --

function addFacts(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, value]) => {
    const term = Object.assign(document.createElement("dt"), { textContent: name });
    const shown = Array.isArray(value) ? value.join(", ") : value;
    return [term, Object.assign(document.createElement("dd"), { textContent: shown || "–" })];
  }));
}

function showBuild() {
  const { config } = props;
  const withoutCuda = config.cuda_toolkit ? "kernels.built.cuda.unloaded" : "kernels.built.cuda.none";
  addFacts(find("#kernels-facts"), [
    [text("kernels.built.cpu"), config.cpu_library_loaded ?? text("kernels.built.cpu.none")],
    [text("kernels.built.cuda"), text(config.cuda_kernels === "loaded" ? "kernels.built.cuda.loaded" : withoutCuda)],
    [text("kernels.built.torch"), config.torch],
    [text("kernels.built.compiler"), config.compiler],
  ]);
  addFacts(find("#kernels-config"), Object.entries(config).map(([name, value]) => [name.replaceAll("_", " "), value]));
}

// -- checks --

const checks = createChecks(find("#kernels-checks"), find("#kernels-failures"), props.choices.checks);

function addTicks(name, values) {
  for (const value of values) {
    find(`#kernels-check-${name}`).insertAdjacentHTML("beforeend",
      `<label class="tick"><input type="checkbox" value="${value}" checked autocomplete="off"><span>${value}</span></label>`);
  }
}
const ticked = (name) =>
  [...element.querySelectorAll(`#kernels-check-${name} input:checked`)].map((input) => input.value);

addTicks("ops", props.choices.ops);
addTicks("dtypes", props.choices.dtypes);

function checkStatus() {
  const { finished, total, results } = checks;
  const failed = results.filter(({ status }) => status === "failed").length;
  const words = finished === 0 ? "kernels.job.starting" : failed ? "kernels.check.progress_failed" : "kernels.check.progress";
  return { text: text(words, { finished, total, failed }), share: total ? finished / total : 0 };
}

function showVerdict() {
  const count = (wanted) => checks.results.filter(({ status }) => status === wanted).length;
  if (checks.finished === 0) return;
  const box = find("#kernels-check");
  box.classList.toggle("bad", count("failed") > 0);
  box.classList.toggle("good", count("failed") === 0 && checks.finished === checks.total);
  find("#kernels-check .status").textContent = text("kernels.check.verdict", {
    passed: count("passed"), failed: count("failed"), skipped: count("skipped"), total: checks.total,
  });
}

const checkJob = createJob(find("#kernels-check"), "check", {
  question() {
    const asked = { ops: ticked("ops"), dtypes: ticked("dtypes") };
    if (asked.ops.length && asked.dtypes.length) return asked;
    find("#kernels-check .trouble").textContent = text("kernels.check.nothing");
    return null;
  },
  begun({ ops, dtypes }) {
    find("#kernels-check").classList.remove("good", "bad");
    checks.lay(ops, dtypes);
    for (const each of ["#kernels-checked", "#kernels-check-note"]) find(each).hidden = false;
  },
  told({ started, result }) {
    if (started) checks.started(started);
    if (result) checks.result(result);
  },
  status: checkStatus,
  ended: checks.interrupted,
  settled: showVerdict,
});

// -- benchmarks --

const form = createBenchForm(props.choices, { changed: () => benches.paint() });
const benches = createBenches(form);

const benchJob = createJob(find("#kernels-bench"), "bench", {
  question() {
    const fault = form.fault();
    find("#kernels-bench .trouble").textContent = fault ?? "";
    return fault === null ? form.question() : null;
  },
  begun(asked) {
    form.set(asked);
    benches.begun();
  },
  told: benches.told,
  status: benches.status,
});

// -- start --

createAbout(find("#kernels-about"), props.facts);
translate();
showBuild();
checkJob.resume();
benchJob.resume();
benches.paint();
server.committed({}).then((found) => found && benches.setCommitted(found), () => {});

watch("value", () => {
  translate();
  showBuild();
  checks.repaint();
  checkJob.show();
  form.speak();
  benches.paint();
  benchJob.show();
});
// The charts have the theme's colours and the page's width.
new MutationObserver(benches.paint).observe(document.body, { attributeFilter: ["class"] });
new ResizeObserver(benches.paint).observe(find(".charts"));
