// A cell of a painted picture, chosen by the pointer over it, by a tap, or by the arrow keys.

const MOVES = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

const within = (index, count) => Math.min(count - 1, Math.max(0, index));

// createCellPicker(canvas, picked), where the canvas has a pixel for each cell. picked(row, column)
// is called when another cell is chosen; go(row, column) chooses one, or that nearest to it.
export function createCellPicker(canvas, picked) {
  let row = 0;
  let column = 0;

  function go(toRow, toColumn) {
    row = within(toRow, canvas.height);
    column = within(toColumn, canvas.width);
    picked(row, column);
  }

  function follow({ offsetX, offsetY }) {
    const toRow = Math.floor((offsetY / canvas.clientHeight) * canvas.height);
    const toColumn = Math.floor((offsetX / canvas.clientWidth) * canvas.width);
    if (toRow !== row || toColumn !== column) go(toRow, toColumn);
  }

  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // the page does not scroll
    go(row + move[0], column + move[1]);
  });

  return {
    go,
    get cell() {
      return [row, column];
    },
  };
}
