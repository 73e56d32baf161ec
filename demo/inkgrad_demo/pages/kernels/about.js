// What there is to read about each op: formula, derivative, what is saved for backward, and the code.

function createAbout(place, facts) {
  const bodies = Object.entries(facts).map(([op, fact]) => {
    const details = document.createElement("details");
    details.innerHTML =
      `<summary><code>${op}</code> <span class="formula"></span></summary>` +
      `<dl>` +
      `<dt data-text="kernels.how.derivative"></dt><dd class="formula"></dd>` +
      `<dt data-text="kernels.how.saved"></dt><dd><span class="formula"></span> <span data-text="${fact.note}"></span></dd>` +
      `<dt data-text="kernels.how.files"></dt><dd class="files"></dd>` +
      `</dl>` +
      `<p class="trouble" role="alert"></p>` +
      `<pre tabindex="0" data-aria-label="kernels.how.code" hidden></pre>`;
    [fact.formula, fact.derivative, fact.saved].forEach((formula, i) => {
      details.querySelectorAll(".formula")[i].textContent = formula;
    });
    addFile(details, props.reference_file, async () => fact.reference);
    for (const file of fact.files) {
      addFile(details, `csrc/${file}`, async () => (await server.source({ file }))?.code);
    }
    return details;
  });
  place.append(...bodies);

  function addFile(details, name, read) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", async () => {
      const open = button.getAttribute("aria-pressed") === "true";
      const code = open ? "" : await read().catch(() => undefined);
      details.querySelectorAll(".files button").forEach((each) => each.setAttribute("aria-pressed", "false"));
      const missing = code === null ? "kernels.how.no_code" : "kernels.job.unanswered";
      details.querySelector(".trouble").textContent = typeof code === "string" ? "" : text(missing);
      const shown = details.querySelector("pre");
      shown.hidden = !code;
      shown.textContent = code ?? "";
      shown.scrollTop = 0;
      if (code) button.setAttribute("aria-pressed", "true");
    });
    details.querySelector(".files").append(button);
  }
}
