// What a run came to: its score on examples that it has never seen, and which digits it takes for which.
function createResult() {
  function paintConfusion(counts) {
    const table = document.createElement("table");
    const most = Math.max(1, ...counts.map((row, i) => Math.max(0, ...row.filter((_, j) => j !== i))));
    const head = counts.map((_, column) => `<th scope="col">${column}</th>`).join("");
    const rows = counts.map((row, label) => {
      const cells = row.map((count, answer) => {
        const share = label === answer ? 0 : count / most;
        const kind = label === answer ? "right" : count ? "wrong" : "none";
        return `<td class="${kind}" style="--share: ${share}">${count}</td>`;
      });
      return `<tr><th scope="row">${label}</th>${cells.join("")}</tr>`;
    });
    table.innerHTML = `<caption></caption><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join("")}</tbody>`;
    table.caption.textContent = text("train.confusion");
    return table;
  }

  function sentence({ progress }) {
    const { test, backend } = progress;
    const line = test
      ? text("train.score", { percent: `${number(100 * test.accuracy, 2)} %`, examples: test.examples.toLocaleString(props.value), loss: number(test.loss, 4) })
      : text("train.score.none");
    return { backend, line };
  }

  function paint(runs) {
    const done = runs.filter(({ progress }) => progress?.judged && progress.confusion);
    find(".result").hidden = done.length === 0;
    if (done.length === 0) return;
    find("#train-score").replaceChildren(
      ...done.map(sentence).map(({ backend, line }) =>
        Object.assign(document.createElement("span"), {
          textContent: done.length === 1 ? line : `${text(`train.backend.${backend}`)}: ${line}`,
        })),
    );
    find("#train-confusion").replaceChildren(paintConfusion(done[0].progress.confusion));
  }

  return { paint };
}
