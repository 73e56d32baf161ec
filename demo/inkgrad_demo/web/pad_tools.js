// The buttons of a pad, and the keys that do the same.

// createPadTools(element, {undo, redo, clear}, pad) where element is the part of the page in which the
// keys work and the others are buttons; gives update(), to be called when the drawing has changed.
export function createPadTools(element, { undo, redo, clear }, pad) {
  undo.addEventListener("click", () => pad.undo());
  redo.addEventListener("click", () => pad.redo());
  clear.addEventListener("click", () => pad.clear());
  undoKeys(element, pad);

  return {
    // Not disabled: a button that has the focus would lose it.
    update() {
      undo.ariaDisabled = !pad.canUndo;
      redo.ariaDisabled = !pad.canRedo;
    },
  };
}

// Ctrl+Z; Ctrl+Shift+Z and Ctrl+Y. history has undo() and redo().
export function undoKeys(element, history) {
  element.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const isRedo = key === "y" || (key === "z" && event.shiftKey);
    if (key !== "z" && !isRedo) return;
    event.preventDefault();
    event.stopPropagation();
    if (isRedo) history.redo();
    else history.undo();
  });
}
