// About each op: formula, derivative, what is saved for backward, and the code.
import { make, makeButton } from "../../web/elements.js";

export function createOpNotes({ props, server, text }, place) {
  place.append(...Object.entries(props.facts).map(([op, facts]) => notesOf(op, facts)));

  function notesOf(op, facts) {
    const details = make("details");
    details.innerHTML = `
      <summary><code>${op}</code> <span class="formula"></span></summary>
      <dl>
        <dt data-text="kernels.how.derivative"></dt>
        <dd class="formula"></dd>
        <dt data-text="kernels.how.saved"></dt>
        <dd><span class="formula"></span> <span data-text="${facts.note}"></span></dd>
        <dt data-text="kernels.how.files"></dt>
        <dd class="files"></dd>
      </dl>
      <p class="trouble" role="alert"></p>
      <pre tabindex="0" data-aria-label="kernels.how.code" hidden></pre>`;
    [facts.formula, facts.derivative, facts.saved].forEach((formula, i) => {
      details.querySelectorAll(".formula")[i].textContent = formula;
    });
    addFile(details, props.reference_file, async () => facts.reference);
    for (const file of facts.files) {
      addFile(details, `csrc/${file}`, async () => (await server.source({ file }))?.code);
    }
    return details;
  }

  // A button that shows the file's code, or hides it again.
  function addFile(details, name, load) {
    const button = makeButton(name, async () => {
      const isOpen = button.ariaPressed === "true";
      const code = isOpen ? "" : await load().catch(() => undefined);
      for (const each of details.querySelectorAll(".files button")) each.ariaPressed = "false";
      details.querySelector(".trouble").textContent = problemOf(code);
      const shown = details.querySelector("pre");
      shown.hidden = !code;
      shown.textContent = code ?? "";
      shown.scrollTop = 0;
      if (code) button.ariaPressed = "true";
    });
    button.ariaPressed = "false";
    details.querySelector(".files").append(button);
  }

  // null: the server has no such file; undefined: it did not answer.
  function problemOf(code) {
    if (typeof code === "string") return "";
    return text(code === null ? "kernels.how.no_code" : "kernels.job.unanswered");
  }
}
