// The curves of the runs that are followed, against epochs or seconds.
import { createChart } from "../../web/chart.js";
import { lossRange } from "../../web/scales.js";
import { line } from "../../web/shapes.js";
import { createSplits } from "../../web/splits.js";
import { smooth } from "../../web/smoothing.js";
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
  const { evaluated } = createSplits(page);
  const smoothing = find("#train-smoothing");
  let runs = [];

  const known = () => runs.filter((run) => run.status?.settings);
  const againstEpochs = () => find("#train-axis input:checked").value === "epoch";
  const onAxis = (epoch, seconds) => (againstEpochs() ? epoch : seconds);

  // Both charts reach equally far, so that what is one below the other belongs together.
  function reach() {
    const ends = known().map(({ status: { curve, epochs, seconds } }) =>
      onAxis(Math.max(curve.at(-1)?.[1] ?? 0, epochs.at(-1)?.[4] ?? 0), seconds),
    );
    return Math.max(0, ...ends) || 1;
  }

  const x = {
    range: () => [0, reach()],
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

  // The points as they are, faint, below their smoothed line.
  function smoothed(run, key, points, width) {
    const weight = smoothing.valueAsNumber;
    const shown = trainingLine(run, key, smooth(points, weight), width);
    return weight
      ? [{ ...trainingLine(run, key, points, 1), name: "", opacity: 0.3 }, shown]
      : [shown];
  }

  const losses = (run) => [
    ...smoothed(
      run,
      "train.loss.training",
      run.status.curve.map(([, epoch, seconds, value]) => [onAxis(epoch, seconds), value]),
      1.6,
    ),
    epochLine(run, "train.loss.validation", (each) => each[1]),
  ];

  const accuracies = (run) => [
    ...smoothed(
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

  const loss = createChart(page, find("#train-loss"), {
    height: 200,
    title: () => text("train.loss"),
    x,
    y: { range: lossRange, logarithmic: "optional", read: (value) => number(value, 4) },
    shapes: () => known().flatMap(losses),
  });
  const accuracy = createChart(page, find("#train-accuracy"), {
    height: 200,
    title: () =>
      known().length
        ? text("train.accuracy.on", { split: evaluated(known()[0].status) })
        : text("train.accuracy"),
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

  function showSmoothing() {
    const words = number(smoothing.valueAsNumber, 2);
    find(".smooth output").textContent = smoothing.ariaValueText = words;
  }

  showSmoothing();
  smoothing.addEventListener("input", () => {
    showSmoothing();
    paint();
  });
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
