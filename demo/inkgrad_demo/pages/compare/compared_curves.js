// The curves of the runs over each other: loss and accuracy, against epochs or seconds.
import { createChart } from "../../web/chart.js";
import { extent, lossRange } from "../../web/scales.js";
import { line } from "../../web/shapes.js";

const HEIGHT = 260;

export function createComparedCurves(page) {
  const { find, text, number, tickLabel } = page;
  let runs = [];

  const selected = (name) => find(`input[name=compare-${name}]:checked`).value;
  const againstEpochs = () => selected("along") === "epoch";
  const showsTraining = () => selected("part") === "training";

  const x = {
    tick: (value, decimals) => `${tickLabel(value, decimals)}${againstEpochs() ? "" : " s"}`,
    read: (value) =>
      againstEpochs()
        ? text("compare.at_epoch", { epoch: number(value, 2) })
        : text("compare.at_seconds", { seconds: number(value, 1) }),
    range: (values) => [0, extent(values)[1]],
  };

  // A point for every epoch of the run.
  function epochPoints({ epochs }, value) {
    let seconds = 0;
    return epochs.map((each) => {
      seconds += each[3];
      return [againstEpochs() ? each[4] : seconds, value(each)];
    });
  }

  const epochLine = (run, value) =>
    line(epochPoints(run, value), run.color, {
      name: run.name,
      dots: run.epochs.length <= 60 ? 2.6 : 0,
    });

  function trainingLine({ curve, color, name }) {
    const points = curve.map(([, epoch, seconds, value]) => [
      againstEpochs() ? epoch : seconds,
      value,
    ]);
    return line(points, color, { name, width: 1.6 });
  }

  const loss = createChart(page, find("#compare-loss"), {
    height: HEIGHT,
    title: () => text(showsTraining() ? "compare.loss.training" : "compare.loss.validation"),
    x,
    y: { range: lossRange, logarithmic: "optional", read: (value) => number(value, 4) },
    shapes: () =>
      runs.map((run) => (showsTraining() ? trainingLine(run) : epochLine(run, (each) => each[1]))),
  });
  const accuracy = createChart(page, find("#compare-accuracy"), {
    height: HEIGHT,
    title: () => text("compare.accuracy"),
    x,
    y: {
      range: (values) => [Math.max(0, Math.floor(10 * Math.min(0.9, ...values)) / 10), 1],
      tick: (value, decimals) => `${number(100 * value, Math.max(0, decimals - 2))} %`,
      read: (value) => `${number(100 * value, 2)} %`,
    },
    shapes: () => runs.map((run) => epochLine(run, (each) => each[2])),
  });

  function paint(chosen = runs) {
    runs = chosen;
    loss.repaint();
    accuracy.repaint();
  }

  for (const name of ["part", "along"]) {
    find(`#compare-${name}`).addEventListener("change", () => paint());
  }
  return { paint };
}
