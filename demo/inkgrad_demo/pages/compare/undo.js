// The line that says what was deleted lately, and undoes it.

// createUndo(page, restore) where restore(ids) is called to undo the deletion of these runs
export function createUndo({ find, text, number }, restore) {
  const line = find("#compare-undo");
  const button = line.querySelector("button");
  let deletions = []; // {runs, seconds_left}, the latest first
  let received = 0; // when, on the clock of performance.now()

  button.addEventListener("click", () => restore(deletions[0].runs));

  return {
    // Without the latest deletions, those known already.
    paint(latest) {
      if (latest) [deletions, received] = [latest, performance.now()];
      line.hidden = deletions.length === 0;
      if (line.hidden) return;
      const [{ runs, seconds_left: seconds }] = deletions;
      const left = seconds - (performance.now() - received) / 1000;
      const values = {
        count: number(runs.length, 0),
        minutes: Math.max(1, Math.ceil(left / 60)),
      };
      const words = text("compare.deleted", values);
      const status = line.querySelector("span");
      if (status.textContent !== words) status.textContent = words;
    },
    focus() {
      if (!line.hidden) button.focus();
    },
  };
}
