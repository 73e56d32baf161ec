// The curves of the runs that are watched, along epochs or seconds as the reader chooses.
//
// createCurves() gives paint(runs), for runs as train_watch.js knows them, and along(axis) to choose
// And ofBackend(progress, what): `what`, said to be of the run's backend, where two race.

const ofBackend = ({ backend }, what) => text("train.of", { backend: text(`train.backend.${backend}`), what });

function createCurves() {
  const COLOURS = {
    fused: { training: "--ink-blue", validation: "--ink-violet" },
    native: { training: "--ink-amber", validation: "--ink-red" },
  };
  let runs = [];

  function short(value) {
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(0);
    return Number(value.toPrecision(3)).toLocaleString(props.value);
  }
  const axis = () => find("#train-axis input:checked").value;
  const alongEpochs = (value, exact) =>
    exact ? text("train.at_epoch", { epoch: number(value, 2) }) : short(value);
  const alongSeconds = (value, exact) =>
    exact ? text("train.at_seconds", { seconds: number(value, 1) }) : `${short(value)} s`;
  const x = (value, exact) => (axis() === "epoch" ? alongEpochs : alongSeconds)(value, exact);
  const loss = createChart(find("#train-loss"), {
    format: { x, y: (value, exact) => (exact ? number(value, 4) : short(value)) },
  });
  const accuracy = createChart(find("#train-accuracy"), {
    format: { x, y: (value, exact) => `${number(100 * value, exact ? 2 : 0)} %` },
    // The first guesses may lie below the axis: what is learnt later is of more interest.
    limits: (values) => [Math.floor(10 * Math.min(0.9, values[Math.floor(0.08 * values.length)] ?? 0)) / 10, 1],
  });

  function named(run, key) {
    const name = text(key);
    return runs.length === 1 ? name : ofBackend(run.progress, name);
  }

  // [epoch, seconds] along the axis.
  const along = (epoch, seconds) => (axis() === "epoch" ? epoch : seconds);

  function epochPoints(run, value) {
    let seconds = 0;
    return run.progress.epochs.map((each, i) => [along(i + 1, (seconds += each[3])), value(each)]);
  }

  function paint() {
    const known = runs.filter((run) => run.progress);
    const lossSeries = known.flatMap((run) => {
      const colours = COLOURS[run.progress.backend];
      const points = run.points.map(([, epoch, seconds, value]) => [along(epoch, seconds), value]);
      return [
        { name: named(run, "train.loss.training"), colour: colours.training, points },
        {
          name: named(run, "train.loss.validation"), colour: colours.validation, dots: true, width: 2,
          points: epochPoints(run, (each) => each[1]),
        },
      ];
    });
    const accuracySeries = known.flatMap((run) => {
      const colours = COLOURS[run.progress.backend];
      return [
        {
          name: named(run, "train.accuracy.glance"), colour: colours.training, width: 1.2,
          points: run.progress.glances.map((each) => [along(each[1], each[2]), each[3]]),
        },
        {
          name: named(run, "train.accuracy.validation"), colour: colours.validation, dots: true, width: 2,
          points: epochPoints(run, (each) => each[2]),
        },
      ].filter(({ points }) => points.length > 0);
    });
    const most = known.some((run) => run.points.length) ? 0 : 1;
    loss.draw({ title: text("train.loss"), series: lossSeries, most });
    accuracy.draw({ title: text("train.accuracy"), series: accuracySeries, most });
  }

  find("#train-axis").addEventListener("change", paint);

  return {
    paint(watched) {
      runs = watched;
      paint();
    },
    along: (name) => (find(`#train-axis [value=${name}]`).checked = true),
  };
}
