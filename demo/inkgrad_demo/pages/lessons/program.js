// The program of a lesson: two variants, which can be changed and run.
import { pause } from "../../web/timing.js";
import { createCodeRun, isBad, isUnderWay, stateText } from "./code_run.js";
import { createEditor } from "./editor.js";

const COPIED = 1500; // milliseconds for which the button says so

export function mountProgram(page, section, { number, programs, typesetter }) {
  const { props, text } = page;
  const part = (selector) => section.querySelector(selector);
  const shown = new Map(Object.keys(programs).map((name) => [name, programs[name].code]));
  const mayRun = props.allow_code;

  const variant = () => section.querySelector("[name=variant]:checked").value;
  const editor = createEditor(part(".place"), page, {
    label: text("lessons.page.editor"),
    submit: run,
    changed: showReset,
    readOnly: !mayRun,
  });
  const codeRun = createCodeRun(page, { output: part(".output"), show: showState });

  function showReset() {
    part(".reset").disabled = editor.value === programs[variant()].code;
  }

  function showVariant() {
    const { code, html } = programs[variant()];
    const own = shown.get(variant());
    editor.show(own, own === code ? html : null);
    showReset();
  }

  function showState(state, details) {
    part(".status").textContent = stateText(page, state, details);
    part(".status").classList.toggle("bad", isBad(state));
    part(".run").hidden = isUnderWay(state);
    part(".stop").hidden = !isUnderWay(state);
  }

  function run() {
    if (mayRun) codeRun.start("run_code", { code: editor.value });
  }

  let current = variant();
  for (const input of section.querySelectorAll("[name=variant]")) {
    input.addEventListener("change", () => {
      shown.set(current, editor.value);
      current = variant();
      showVariant();
    });
  }
  part(".run").addEventListener("click", run);
  part(".stop").addEventListener("click", codeRun.stop);
  part(".reset").addEventListener("click", () => {
    shown.set(current, programs[current].code);
    showVariant();
    codeRun.clear();
    part(".status").textContent = "";
  });
  part(".copy").hidden = !navigator.clipboard; // which browsers give to safe addresses only
  part(".copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(editor.value);
    part(".copy").textContent = text("lessons.page.copied");
    await pause(COPIED);
    part(".copy").textContent = text("lessons.page.copy");
  });
  part(".about").append(...typesetter.words(text("lessons.page.program", { number })));
  part(".segments").hidden = part(".marked").hidden = !("fused" in programs);
  part(".run").hidden = part(".reset").hidden = part(".keys").hidden = !mayRun;
  part(".shared").hidden = mayRun;
  showVariant();
}
