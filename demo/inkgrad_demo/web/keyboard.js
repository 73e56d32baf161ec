// Drawing with the keyboard: a cursor on a grid over the pad, and a pen that is up or down.
//
// Arrow keys move by a cell, Home, Page Up, End and Page Down diagonally (as they lie around the
// digit pad); Space or Enter lowers or lifts the pen; with the pen down a move draws a line.

const CELLS = 14;
const MOVES = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1],
  PageUp: [1, -1],
  End: [-1, 1],
  PageDown: [1, 1],
};

const center = (cell) => (cell + 0.5) / CELLS;
const within = (cell) => Math.min(CELLS - 1, Math.max(0, cell));

// createKeyboard(canvas, mark, pad, moved) where
//   mark   the element that shows the cursor, in the same positioned parent as the canvas
//   moved({column, row})  is called after every step, for screen readers; counted from 1
export function createKeyboard(canvas, mark, pad, moved = () => {}) {
  let column = CELLS / 2;
  let row = Math.floor(CELLS / 4);

  function show() {
    mark.hidden = false;
    mark.style.left = `${100 * center(column)}%`;
    mark.style.top = `${100 * center(row)}%`;
    mark.classList.toggle("down", pad.drawing);
    moved({ column: column + 1, row: row + 1 });
  }

  function move([right, below]) {
    column = within(column + right);
    row = within(row + below);
    if (pad.drawing) pad.extend(center(column), center(row));
  }

  function toggle() {
    if (pad.drawing) pad.lift();
    else pad.begin(center(column), center(row));
  }

  const actions = {
    " ": toggle,
    Enter: toggle,
    Escape: pad.lift,
    Delete: pad.clear,
    Backspace: pad.undo,
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
    const act = event.key in MOVES ? () => move(MOVES[event.key]) : actions[event.key];
    if (!act) return;
    event.preventDefault(); // the page does not scroll
    if (act !== toggle || !event.repeat) act();
    show();
  });
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && show());
  canvas.addEventListener("pointerdown", () => {
    mark.hidden = true;
  });
  canvas.addEventListener("blur", () => {
    pad.lift();
    mark.hidden = true;
  });
}
