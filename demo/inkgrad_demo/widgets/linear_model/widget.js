// Lesson 2: w and b moved by slider, or by dragging on the loss; polynomials of any degree.

let data = [];
let surface = null;
let line = { predictions: [], losses: [], mse: 0, curve: [] };
let polynomial = { train: [], validation: [], curve: [], losses: [], chosen: 0 };

translate();

const controls = createControls({
  formats: { w: (w) => number(w, 2), b: (b) => number(b, 2) },
  changed: (name) => (name === "degree" ? degreeChanged() : lineChanged()),
});

// -- the line and its loss --

const linePlot = createPlot(find(".line"), {
  x: [0, 4],
  y: [-2, 10],
  names: ["x", "y"],
  paint(pen) {
    const { w, b } = controls.values();
    data.forEach(([x, y], i) => pen.line([[x, y], [x, line.predictions[i] ?? y]], "red", { dash: [4, 3] }));
    pen.line([[0, b], [4, 4 * w + b]], "blue");
    for (const [x, y] of data) pen.dot(x, y, "text");
  },
});

const curvePlot = createPlot(find(".curve"), {
  x: [0, 4],
  y: [0, 24],
  names: ["w", "MSE"],
  paint(pen) {
    pen.line(line.curve, "blue");
    pen.dot(controls.values().w, line.mse, "red", 6, "card");
  },
});

const surfacePlot = createPlot(find(".surface"), {
  x: [0, 4],
  y: [-2, 2],
  names: ["w", "b"],
  paint(pen) {
    if (surface === null) return;
    pen.heat(surface);
    const { w, b } = controls.values();
    pen.dot(w, b, "red", 6, "card");
  },
});

const onGrid = (value) => Math.round(20 * value) / 20; // the sliders' steps

curvePlot.onPoint((w) => {
  controls.set("w", onGrid(w));
  lineChanged();
}, { sideways: true });
surfacePlot.onPoint((w, b) => {
  controls.set("w", onGrid(w));
  controls.set("b", onGrid(b));
  lineChanged();
});

const { request: requestLine } = asking(
  () => ({ about: "line", ...controls.values() }),
  (answer) => {
    line = answer;
    const values = line.losses.map((loss) => number(loss, 2));
    const mse = number(line.mse, 4);
    tell({ mse });
    find(".summary").textContent = text("lessons.linear_model.mean", { losses: values.join(" + "), mse });
    repaintLine();
  },
);

function repaintLine() {
  linePlot.repaint();
  curvePlot.repaint();
  surfacePlot.repaint();
}

function lineChanged() {
  repaintLine();
  requestLine();
}

// -- overfitting --

const polynomialPlot = createPlot(find(".polynomial"), {
  x: [-1, 1],
  y: [-2.2, 2.2],
  names: ["x", "y"],
  paint(pen) {
    pen.line(polynomial.curve, "red");
    for (const [x, y] of polynomial.validation) pen.cross(x, y, "blue");
    for (const [x, y] of polynomial.train) pen.dot(x, y, "text", 4);
  },
});

const degreesPlot = createPlot(find(".degrees"), {
  x: [0, 10],
  y: [0.001, 10],
  names: [text("lessons.linear_model.degree"), "MSE"],
  logarithmic: true,
  paint(pen) {
    const { degree } = controls.values();
    pen.line([[degree, 1e-3], [degree, 100]], "red", { width: 1.5, dash: [4, 3] });
    pen.line(polynomial.losses.map(([at, train]) => [at, train]), "text", { dots: 3 });
    pen.line(polynomial.losses.map(([at, , validation]) => [at, validation]), "blue", { dots: 3 });
  },
});

const { request: degreeChanged } = asking(
  () => ({ about: "polynomial", ...controls.values() }),
  (answer) => {
    polynomial = answer;
    const { degree } = controls.values();
    const [, train, validation] = polynomial.losses[degree];
    const key =
      degree < polynomial.chosen ? "lessons.linear_model.underfits"
      : degree > polynomial.chosen ? "lessons.linear_model.overfits"
      : "lessons.linear_model.best";
    const values = { train: number(train, 4), validation: number(validation, 4) };
    find(".judgement").textContent = text(key, values);
    polynomialPlot.repaint();
    degreesPlot.repaint();
  },
);

asking(() => ({ about: "surface" }), (answer) => {
  ({ data, surface } = answer);
  repaintLine();
}).request();
requestLine();
degreeChanged();
