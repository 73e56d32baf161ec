// The Kernels page: connects the checks, the benchmarks and the notes about the ops.
import { make } from "../../web/elements.js";
import { createPage } from "../../web/page.js";
import { createBenchForm } from "./bench_form.js";
import { createBenchResults } from "./bench_results.js";
import { createCheckTable } from "./check_table.js";
import { createJob } from "./job.js";
import { createOpNotes } from "./op_notes.js";

export function mount(gradio) {
  const page = createPage(gradio);
  const { props, server, find, findAll, text, translate } = page;

  // -- what was built and loaded --

  function listFacts(list, facts) {
    const parts = facts.flatMap(([name, value]) => {
      const shown = Array.isArray(value) ? value.join(", ") : value;
      return [make("dt", { textContent: name }), make("dd", { textContent: shown || "–" })];
    });
    list.replaceChildren(...parts);
  }

  function cudaText({ cuda_kernels: kernels, cuda_toolkit: toolkit }) {
    if (kernels === "loaded") return text("kernels.built.cuda.loaded");
    return text(toolkit ? "kernels.built.cuda.unloaded" : "kernels.built.cuda.none");
  }

  function showBuild() {
    const { config } = props;
    listFacts(find("#kernels-facts"), [
      [text("kernels.built.cpu"), config.cpu_library_loaded ?? text("kernels.built.cpu.none")],
      [text("kernels.built.cuda"), cudaText(config)],
      [text("kernels.built.torch"), config.torch],
      [text("kernels.built.compiler"), config.compiler],
    ]);
    const all = Object.entries(config).map(([name, value]) => [name.replaceAll("_", " "), value]);
    listFacts(find("#kernels-config"), all);
  }

  // -- checks --

  const checks = createCheckTable(page, find("#kernels-checks"), find("#kernels-failures"));

  function addTicks(name, values) {
    const ticks = values.map((value) => {
      const input = make("input", { type: "checkbox", value, checked: true, autocomplete: "off" });
      return make("label", { className: "tick" }, [input, make("span", { textContent: value })]);
    });
    find(`#kernels-check-${name}`).append(...ticks);
  }

  const ticked = (name) =>
    findAll(`#kernels-check-${name} input:checked`).map((input) => input.value);

  addTicks("ops", props.choices.ops);
  addTicks("dtypes", props.choices.dtypes);

  const countOf = (status) => checks.results.filter((result) => result.status === status).length;

  function checkStatus() {
    const { finished, total } = checks;
    const values = { finished, total, failed: countOf("failed") };
    if (finished === 0) return { text: text("kernels.job.starting"), share: 0 };
    const key = values.failed ? "kernels.check.progress_failed" : "kernels.check.progress";
    return { text: text(key, values), share: finished / total };
  }

  function showVerdict() {
    const { finished, total } = checks;
    if (finished === 0) return;
    const [passed, failed, skipped] = ["passed", "failed", "skipped"].map(countOf);
    const box = find("#kernels-check");
    box.classList.toggle("bad", failed > 0);
    box.classList.toggle("good", failed === 0 && finished === total);
    const values = { passed, failed, skipped, total };
    box.querySelector(".status").textContent = text("kernels.check.verdict", values);
  }

  const checkJob = createJob(page, find("#kernels-check"), "check", {
    request() {
      const chosen = { ops: ticked("ops"), dtypes: ticked("dtypes") };
      if (chosen.ops.length && chosen.dtypes.length) return chosen;
      find("#kernels-check .trouble").textContent = text("kernels.check.nothing");
      return null;
    },
    begun({ ops, dtypes }) {
      find("#kernels-check").classList.remove("good", "bad");
      checks.layOut(ops, dtypes);
      for (const each of ["#kernels-checked", "#kernels-check-note"]) find(each).hidden = false;
    },
    received({ started, result }) {
      if (started) checks.start(started);
      if (result) checks.add(result);
    },
    status: checkStatus,
    ended: checks.interrupt,
    settled: showVerdict,
  });

  // -- benchmarks --

  const form = createBenchForm(page, { changed: () => benches.paint() });
  const benches = createBenchResults(page, form);

  const benchJob = createJob(page, find("#kernels-bench"), "bench", {
    request() {
      const wrong = form.check();
      find("#kernels-bench .trouble").textContent = wrong ?? "";
      return wrong === null ? form.request() : null;
    },
    begun(request) {
      form.set(request);
      benches.begin();
    },
    received: benches.receive,
    status: benches.status,
  });

  // -- start --

  createOpNotes(page, find("#kernels-about"));
  translate();
  showBuild();
  checkJob.resume();
  benchJob.resume();
  benches.paint();
  server.committed({}).then(
    (found) => found && benches.setCommitted(found),
    () => {},
  );

  gradio.watch("value", () => {
    translate();
    showBuild();
    checks.repaint();
    checkJob.show();
    form.translate();
    benches.paint();
    benchJob.show();
  });
}
