// One's own digits: what is on the pad is kept under a label, in this browser, to train on.
//
// createTeach({changed}) where changed(count) is told how many drawings are kept
function createTeach({ changed }) {
  const STORE = "inkgrad-drawings";
  let pad = null;
  let drawings = restored(); // [{label, pixels}], 28 x 28 bytes in base64

  function restored() {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE));
      return Array.isArray(kept) ? kept : [];
    } catch {
      return []; // nothing of ours is stored, or storage is forbidden
    }
  }

  function keep(all) {
    drawings = all;
    try {
      localStorage.setItem(STORE, JSON.stringify(drawings));
    } catch {
      // Storage is full or forbidden: then they live as long as the page.
    }
    paint();
  }

  async function teach(label) {
    const answer = await server.picture({ pixels: toBase64(pad.pixels()) });
    if (!answer || answer.error || answer.empty) return;
    keep([...drawings, { label, pixels: answer.picture }]);
    pad.clear();
    find("#train-pad").focus({ preventScroll: true });
  }

  const buttons = Array.from({ length: 10 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => teach(digit));
    find("#train-teach").append(button);
    return button;
  });
  find("#train-forget").addEventListener("click", () => keep([]));

  function counts() {
    const each = buttons.map((_, digit) => drawings.filter(({ label }) => label === digit).length);
    return each.map((count, digit) => (count ? `${digit}×${count}` : "")).filter(Boolean).join("  ");
  }

  function paint() {
    const count = drawings.length;
    const kept = count ? text("train.drawings", { count, counts: counts() }) : text("train.drawings.none");
    find("#train-drawings").textContent = kept;
    find("#train-forget").hidden = count === 0;
    buttons.forEach((button, digit) => {
      button.disabled = !pad || pad.empty || count >= props.most_drawings;
      button.setAttribute("aria-label", text("train.teach_digit", { digit }));
    });
    changed(count);
  }

  return {
    paint,
    drawn(on) {
      pad = on;
      paint();
    },
    get drawings() { return drawings; },
  };
}
