// Drawings that the user has labeled, kept in this browser to train on; all pages share them.
//
// A drawing is {label, pixels}: 28 x 28 bytes in base64, white ink on black.

const STORE = "inkgrad-drawings";

function stored() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // what is stored is not ours, or storage is forbidden
  }
}

const isSame = (one, other) => one.label === other.label && one.pixels === other.pixels;

// For tests; the pages share ownDrawings.
export function createOwnDrawings() {
  let drawings = stored();
  const past = [];
  let future = [];
  const watchers = new Set();

  function set(all) {
    drawings = all;
    try {
      localStorage.setItem(STORE, JSON.stringify(drawings));
    } catch {
      // Storage is full or forbidden: then they live as long as the page.
    }
    for (const changed of watchers) changed();
  }

  function change(all) {
    past.push(drawings);
    future = [];
    set(all);
  }

  function step(from, to) {
    if (from.length === 0) return;
    to.push(drawings);
    set(from.pop());
  }

  globalThis.addEventListener?.("storage", ({ key }) => {
    if (key !== STORE) return; // another tab has changed them
    drawings = stored();
    for (const changed of watchers) changed();
  });

  return {
    get all() {
      return drawings;
    },
    // The newest ones, at most `most` in all; those that are kept already are not kept twice.
    add(fresh, most) {
      const others = fresh.filter((one) => !drawings.some((kept) => isSame(one, kept)));
      if (others.length) change([...drawings, ...others].slice(-most));
    },
    relabel: (index, label) =>
      change(drawings.map((one, i) => (i === index ? { ...one, label } : one))),
    remove: (index) => change(drawings.filter((_, i) => i !== index)),
    clear: () => change([]),
    undo: () => step(past, future),
    redo: () => step(future, past),
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    // changed() is called after every change.
    watch: (changed) => watchers.add(changed),
  };
}

export const ownDrawings = createOwnDrawings();
