// Drawings that the user has labeled, kept in this browser to train on.
import { toBase64 } from "../../web/base64.js";
import { makeButton } from "../../web/elements.js";

const STORE = "inkgrad-drawings";

// createOwnDrawings(page, {changed}) where changed(count) receives how many drawings are kept
export function createOwnDrawings({ find, props, server, text }, { changed }) {
  let pad = null;
  let drawings = restore(); // [{label, pixels}], 28 x 28 bytes in base64

  function keep(all) {
    drawings = all;
    try {
      localStorage.setItem(STORE, JSON.stringify(drawings));
    } catch {
      // Storage is full or forbidden: then they live as long as the page.
    }
    paint();
  }

  async function addDrawing(label) {
    const answer = await server.picture({ pixels: toBase64(pad.pixels()) });
    if (!answer || answer.error || answer.empty) return;
    keep([...drawings, { label, pixels: answer.picture }]);
    pad.clear();
    find("#train-pad").focus({ preventScroll: true });
  }

  const buttons = Array.from({ length: 10 }, (_, digit) =>
    makeButton(digit, () => addDrawing(digit)),
  );
  find("#train-save-as").append(...buttons);
  find("#train-forget").addEventListener("click", () => keep([]));

  function countsText() {
    const counts = buttons.map(
      (_, digit) => drawings.filter(({ label }) => label === digit).length,
    );
    return counts
      .map((count, digit) => (count ? `${digit}×${count}` : ""))
      .filter(Boolean)
      .join("  ");
  }

  function paint() {
    const count = drawings.length;
    find("#train-drawings").textContent = count
      ? text("train.drawings", { count, counts: countsText() })
      : text("train.drawings.none");
    find("#train-forget").hidden = count === 0;
    buttons.forEach((button, digit) => {
      button.disabled = !pad || pad.empty || count >= props.most_drawings;
      button.setAttribute("aria-label", text("train.teach_digit", { digit }));
    });
    changed(count);
  }

  return {
    paint,
    // The drawing on the pad has changed.
    drawn(on) {
      pad = on;
      paint();
    },
    // Those that a run was trained on, from now on beside the own ones.
    borrow(others) {
      const known = new Set(drawings.map(({ label, pixels }) => `${label} ${pixels}`));
      const fresh = others.filter(({ label, pixels }) => !known.has(`${label} ${pixels}`));
      if (fresh.length) keep([...drawings, ...fresh].slice(-props.most_drawings));
    },
    get all() {
      return drawings;
    },
  };
}

function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // what is stored is not ours, or storage is forbidden
  }
}
