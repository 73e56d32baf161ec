// Lesson 2: w and b moved by slider, or by dragging on the loss; polynomials of any degree.
import { createChart } from "../../web/chart.js";
import { createInputs } from "../../web/inputs.js";
import { cross, dot, field, line, rule } from "../../web/shapes.js";
import { createWidget } from "../../web/widget.js";

const VERDICTS = {
  underfits: "lessons.linear_model.underfits",
  best: "lessons.linear_model.best",
  overfits: "lessons.linear_model.overfits",
};
const onGrid = (value) => Math.round(20 * value) / 20; // the sliders' steps

export function mount(context) {
  const widget = createWidget(context);
  const { find, text, number, brief, requester } = widget;
  let data = [];
  let surface = null;
  let fit = { predictions: [], losses: [], mse: 0, curve: [] };
  let polynomial = { train: [], validation: [], curve: [], losses: [], chosen: 0 };

  const inputs = createInputs(widget, {
    formats: { w: (w) => number(w, 2), b: (b) => number(b, 2) },
    changed: (name) => (name === "degree" ? requestPolynomial() : weightsChanged()),
  });

  // -- the line and its loss --

  const lineChart = createChart(widget, find(".line"), {
    label: () => text("lessons.linear_model.line_label"),
    legend: false,
    x: { name: "x", range: [0, 4] },
    y: { name: "y", range: [-2, 10] },
    shapes() {
      const { w, b } = inputs.values();
      const gaps = data.map(([x, y], i) => [
        [x, y],
        [x, fit.predictions[i] ?? y],
      ]);
      return [
        ...gaps.map((points) => line(points, "red", { dashes: [4, 3] })),
        line(
          [0, 1, 2, 3, 4].map((x) => [x, b + x * w]),
          "blue",
          { name: "ŷ" },
        ),
        ...data.map(([x, y]) => dot(x, y, "text")),
      ];
    },
  });

  const weights = () => {
    const { w, b } = inputs.values();
    return { w, b };
  };

  function setWeights(values) {
    for (const [name, value] of Object.entries(values)) inputs.set(name, onGrid(value));
    weightsChanged();
  }

  const curveChart = createChart(widget, find(".curve"), {
    label: () => text("lessons.linear_model.curve_label"),
    legend: false,
    x: { name: "w", range: [0, 4] },
    y: { name: "MSE", range: [0, 24] },
    onPoint: (w) => setWeights({ w }),
    sideways: true,
    shapes: () => [
      line(fit.curve, "blue", { name: "MSE" }),
      dot(weights().w, fit.mse, "red", { radius: 6, ring: "card" }),
    ],
  });

  const surfaceChart = createChart(widget, find(".surface"), {
    label: () => text("lessons.linear_model.surface_label"),
    x: { name: "w", range: [0, 4] },
    y: { name: "b", range: [-2, 2] },
    zoom: "xy",
    onPoint: (w, b) => setWeights({ w, b }),
    shapes() {
      const { w, b } = weights();
      const loss = surface ? [field(surface, { name: "MSE" })] : [];
      return [...loss, dot(w, b, "red", { radius: 6, ring: "card" })];
    },
  });

  function repaintLine() {
    for (const chart of [lineChart, curveChart, surfaceChart]) chart.repaint();
  }

  function weightsChanged() {
    repaintLine();
    requestLine();
  }

  const requestLine = requester(
    () => ({ about: "line", ...inputs.values() }),
    (answer) => {
      fit = answer;
      const losses = fit.losses.map((loss) => number(loss, 2)).join(" + ");
      const mse = number(fit.mse, 4);
      widget.showValues({ mse });
      const values = { losses, mse, count: fit.losses.length };
      find(".summary").textContent = text("lessons.linear_model.mean", values);
      repaintLine();
    },
  );

  // -- overfitting --

  const polynomialChart = createChart(widget, find(".polynomial"), {
    label: () => text("lessons.linear_model.polynomial_label"),
    legend: false,
    x: { name: "x", range: [-1, 1] },
    y: { name: "y", range: [-2.2, 2.2] },
    zoom: "xy",
    shapes: () => [
      line(polynomial.curve, "red", { name: "ŷ" }),
      ...polynomial.validation.map(([x, y]) => cross(x, y, "blue")),
      ...polynomial.train.map(([x, y]) => dot(x, y, "text", { radius: 4 })),
    ],
  });

  const degreesChart = createChart(widget, find(".degrees"), {
    label: () => text("lessons.linear_model.degrees_label"),
    legend: false,
    x: {
      name: text("lessons.linear_model.degree"),
      range: [0, 10],
      read: (x) => String(Math.floor(x)),
    },
    y: { name: "MSE", range: [0.001, 10], logarithmic: true },
    shapes() {
      const losses = (column) => polynomial.losses.map((row) => [row[0], row[column]]);
      const key = (name) => text(`lessons.linear_model.${name}`);
      return [
        rule(inputs.values().degree, "red", { dashes: [4, 3] }),
        line(losses(1), "text", { name: key("train"), dots: 3 }),
        line(losses(2), "blue", { name: key("validation"), dots: 3 }),
      ];
    },
  });

  const requestPolynomial = requester(
    () => ({ about: "polynomial", ...inputs.values() }),
    (answer) => {
      polynomial = answer;
      const { losses, chosen, verdict } = polynomial;
      const [, train, validation] = losses[inputs.values().degree];
      const [, bestTrain, bestValidation] = losses[chosen];
      const values = {
        train: number(train, 4),
        validation: number(validation, 4),
        degree: chosen,
        best_train: number(bestTrain, 4),
        best_validation: number(bestValidation, 4),
      };
      find(".verdict").textContent = text(VERDICTS[verdict], values);
      polynomialChart.repaint();
      degreesChart.repaint();
    },
  );

  const requestSurface = requester(
    () => ({ about: "surface" }),
    (answer) => {
      ({ data, surface } = answer);
      const { w, b } = answer.lowest;
      find(".drag").textContent = text("lessons.linear_model.drag", { w: brief(w), b: brief(b) });
      repaintLine();
    },
  );
  requestSurface();
  requestLine();
  requestPolynomial();
}
