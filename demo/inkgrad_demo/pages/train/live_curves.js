// The curves of the runs that are followed, against epochs or seconds.
import { createChart } from "../../web/chart.js";
import { extent, lossRange } from "../../web/scales.js";
import { line } from "../../web/shapes.js";
import { ofBackend } from "./backends.js";

const COLORS = {
  fused: { training: "blue", validation: "violet" },
  native: { training: "amber", validation: "red" },
};
const MAX_DOTS = 60; // of more epochs the line alone is shown
const EARLY = 0.08; // the share of the evaluations that may lie below the axis

// createLiveCurves(page) gives paint(runs), for runs as follow.js knows them, and against(axis).
export function createLiveCurves(page) {
  const { find, text, number, tickLabel } = page;
  let runs = [];

  const againstEpochs = () => find("#train-axis input:checked").value === "epoch";
  const onAxis = (epoch, seconds) => (againstEpochs() ? epoch : seconds);

  const x = {
    range: (values) => [0, values.length ? extent(values)[1] : 1],
    tick: (value, decimals) => `${tickLabel(value, decimals)}${againstEpochs() ? "" : " s"}`,
    read: (value) =>
      againstEpochs()
        ? text("train.at_epoch", { epoch: number(value, 2) })
        : text("train.at_seconds", { seconds: number(value, 1) }),
  };

  function nameOf(run, key) {
    return runs.length === 1 ? text(key) : ofBackend(page, run.status, text(key));
  }

  // A line with a point for every epoch of the run.
  function epochLine(run, key, value) {
    const { epochs, settings } = run.status;
    let seconds = 0;
    const points = epochs.map((each) => {
      seconds += each[3];
      return [onAxis(each[4], seconds), value(each)];
    });
    const dots = epochs.length <= MAX_DOTS ? 2.6 : 0;
    return line(points, COLORS[settings.backend].validation, { name: nameOf(run, key), dots });
  }

  function trainingLine(run, key, points, width) {
    return line(points, COLORS[run.status.settings.backend].training, {
      name: nameOf(run, key),
      width,
    });
  }

  const losses = (run) => [
    trainingLine(
      run,
      "train.loss.training",
      run.status.curve.map(([, epoch, seconds, value]) => [onAxis(epoch, seconds), value]),
      1.6,
    ),
    epochLine(run, "train.loss.validation", (each) => each[1]),
  ];

  const accuracies = (run) => [
    trainingLine(
      run,
      "train.accuracy.sampled",
      run.status.quick_evaluations.map((each) => [onAxis(each[1], each[2]), each[3]]),
      1.2,
    ),
    epochLine(run, "train.accuracy.validation", (each) => each[2]),
  ];

  // The accuracy of always predicting the most frequent class, as far as the curves reach.
  function baselines() {
    const { baseline, epochs, seconds, steps, done, settings } = runs[0]?.status ?? {};
    if (baseline === null || baseline === undefined || done === 0) return [];
    const end = onAxis(
      Math.max((done / steps) * settings.epochs, epochs.at(-1)?.[4] ?? 0),
      seconds,
    );
    const points = [
      [0, baseline],
      [end, baseline],
    ];
    return [line(points, "quiet", { name: text("train.baseline"), width: 1.4, dashes: [5, 4] })];
  }

  const known = () => runs.filter((run) => run.status);
  const loss = createChart(page, find("#train-loss"), {
    height: 200,
    title: () => text("train.loss"),
    x,
    y: { range: lossRange, logarithmic: "optional", read: (value) => number(value, 4) },
    shapes: () => known().flatMap(losses),
  });
  const accuracy = createChart(page, find("#train-accuracy"), {
    height: 200,
    title: () => text("train.accuracy"),
    x,
    y: {
      range: (values) => [accuracyFrom(values), 1],
      tick: (value, decimals) => `${number(100 * value, Math.max(0, decimals - 2))} %`,
      read: (value) => `${number(100 * value, 2)} %`,
    },
    shapes: () =>
      known()
        .flatMap(accuracies)
        .filter(({ points }) => points.length > 0)
        .concat(baselines()),
  });

  function paint() {
    loss.repaint();
    accuracy.repaint();
  }

  find("#train-axis").addEventListener("change", paint);

  return {
    paint(followed) {
      runs = followed;
      paint();
    },
    against(axis) {
      find(`#train-axis [value=${axis}]`).checked = true;
    },
  };
}

// Where the axis of accuracies starts: below nearly all of them, at a tenth.
function accuracyFrom(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.floor(10 * Math.min(0.9, sorted[Math.floor(EARLY * sorted.length)] ?? 0)) / 10;
}
