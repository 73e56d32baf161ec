// The curves of the runs over each other: loss and accuracy, along epochs or seconds.
function createCurves() {
  const short = (value) => String(Number(value.toPrecision(3)));
  const picked = (name) => find(`input[name=compare-${name}]:checked`).value;
  const x = (value, exact) => {
    if (!exact) return picked("along") === "epoch" ? short(value) : `${short(value)} s`;
    return picked("along") === "epoch"
      ? text("compare.at_epoch", { epoch: number(value, 2) })
      : text("compare.at_seconds", { seconds: number(value, 1) });
  };
  const loss = createChart(find("#compare-loss"), {
    format: { x, y: (value, exact) => (exact ? number(value, 4) : short(value)) },
    tall: 260,
  });
  const accuracy = createChart(find("#compare-accuracy"), {
    format: { x, y: (value, exact) => `${number(100 * value, exact ? 2 : 0)} %` },
    limits: (values) => [Math.max(0, Math.floor(10 * Math.min(0.9, ...values)) / 10), 1],
    tall: 260,
  });
  let shown = [];

  function along({ epochs }, value) {
    let seconds = 0;
    return epochs.map((each, i) => {
      seconds += each.seconds;
      return [picked("along") === "epoch" ? i + 1 : seconds, value(each)];
    });
  }

  const training = ({ curve }) => curve.map((point) => [point[picked("along")], point.loss]);

  function paint(runs = shown) {
    shown = runs;
    const series = (points, more = {}) => runs.map((run) => ({ name: run.name, colour: run.colour, points: points(run), ...more }));
    const dotted = { dots: true, width: 2 };
    loss.draw({
      title: text(picked("part") === "training" ? "compare.loss.training" : "compare.loss.validation"),
      series: picked("part") === "training" ? series(training) : series((run) => along(run, (each) => each.validation_loss), dotted),
      most: 1e-9,
    });
    accuracy.draw({ title: text("compare.accuracy"), series: series((run) => along(run, (each) => each.accuracy), dotted), most: 1e-9 });
  }

  for (const name of ["part", "along"]) find(`#compare-${name}`).addEventListener("change", () => paint());
  return { paint };
}
