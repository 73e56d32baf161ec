// Drawing with the keyboard: a cursor on a grid over the pad, and a pen that is up or down.
//
// Arrow keys move by a cell, Home, Page Up, End and Page Down diagonally (as they lie around the digit pad);
// Space or Enter puts the pen down or lifts it; with the pen down a move draws a line.
//
// createKeyboard(canvas, mark, pad, {told}) where
//   mark   the element that shows the cursor, in the same positioned parent as the canvas
//   told({column, row})  is called after every step, for screen readers; counted from 1
function createKeyboard(canvas, mark, pad, { told }) {
  const CELLS = 14;
  const STEPS = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1],
  };
  let column = CELLS / 2;
  let row = Math.floor(CELLS / 4);

  const centre = (cell) => (cell + 0.5) / CELLS;
  const within = (cell) => Math.min(CELLS - 1, Math.max(0, cell));

  function show() {
    mark.hidden = false;
    mark.style.left = `${100 * centre(column)}%`;
    mark.style.top = `${100 * centre(row)}%`;
    mark.classList.toggle("down", pad.drawing);
    told({ column: column + 1, row: row + 1 });
  }

  function move([right, below]) {
    column = within(column + right);
    row = within(row + below);
    if (pad.drawing) pad.extend(centre(column), centre(row));
  }

  function toggle() {
    if (pad.drawing) pad.lift();
    else pad.begin(centre(column), centre(row));
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
    if (event.key in STEPS) move(STEPS[event.key]);
    else if (event.key === " " || event.key === "Enter") event.repeat || toggle();
    else if (event.key === "Escape") pad.lift();
    else if (event.key === "Delete") pad.clear();
    else if (event.key === "Backspace") pad.undo();
    else return;
    event.preventDefault(); // the page does not scroll
    show();
  });
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && show());
  canvas.addEventListener("pointerdown", () => (mark.hidden = true));
  canvas.addEventListener("blur", () => {
    pad.lift();
    mark.hidden = true;
  });
}
