// Lesson 6: who passed after how many hours, learnt live; the sigmoid and the loss of one prediction.

let students = [{ hours: 1, passed: 0 }, { hours: 2, passed: 0 }, { hours: 3, passed: 1 }];
let training = { losses: [], weights: [] };
let formulas = { sigmoid: [], value: 0.5, bce: [], loss: 0 };

translate();

const controls = createControls({
  formats: { lr: figures, z: (z) => number(z, 1), y_pred: (p) => number(p, 2) },
  changed(name) {
    if (name === "epochs" || name === "lr") requestTraining();
    if (["z", "y_pred", "y"].includes(name)) requestFormulas();
  },
});

// -- training --

// σ(x w + b) as it is painted between the hours; the server's own numbers are those of the last step.
const curveOf = ([w, b]) =>
  Array.from({ length: 101 }, (_, i) => [i / 10, 1 / (1 + Math.exp(-(i / 10) * w - b))]);

const hoursPlot = createPlot(find(".hours"), {
  x: [0, 10],
  y: [-0.1, 1.1],
  names: [text("lessons.logistic_regression.hours"), text("lessons.logistic_regression.probability")],
  paint(pen) {
    pen.line([[0, 0.5], [10, 0.5]], "quiet", { width: 1, dash: [5, 4] });
    if (training.weights.length) pen.line(curveOf(training.weights[player.step]), "blue", { width: 2.5 });
    for (const { hours, passed } of students) pen.dot(hours, passed, passed ? "green" : "red", 6, "card");
  },
});

const lossesPlot = createPlot(find(".losses"), {
  x: [0, 1000],
  y: [0, 3],
  names: [text("lessons.logistic_regression.epoch"), text("lessons.logistic_regression.loss")],
  paint: (pen) => pen.line(training.losses.slice(0, player.step + 1).map((loss, i) => [i, loss]), "blue"),
});

// A tap adds a student, or takes away the one that is there.
const tap = (hours, up) => change({ hours: Math.round(2 * hours) / 2, passed: up > 0.5 ? 1 : 0 });
find(".hours").addEventListener("pointerup", (event) => event.isPrimary && tap(...hoursPlot.placeOf(event)));

function change(student) {
  const same = (each) => each.hours === student.hours && each.passed === student.passed;
  const others = students.filter((each) => !same(each));
  if (others.length === students.length) students = [...students, student].slice(-30);
  else if (others.length > 0) students = others;
  listStudents();
  requestTraining();
}

function listStudents() {
  const inOrder = [...students].sort((one, other) => one.hours - other.hours);
  find(".list").replaceChildren(
    ...inOrder.map((student) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = student.passed ? "passed" : "failed";
      button.textContent = `${number(student.hours, 1)} h ${student.passed ? "✓" : "✗"}`;
      const key = student.passed
        ? "lessons.logistic_regression.remove_passed"
        : "lessons.logistic_regression.remove_failed";
      button.setAttribute("aria-label", text(key, { hours: student.hours }));
      button.addEventListener("click", () => change(student));
      return button;
    }),
  );
  hoursPlot.repaint();
}

for (const [selector, passed] of [[".add-passed", 1], [".add-failed", 0]]) {
  find(selector).addEventListener("click", () => {
    const hours = controls.values()["new-hours"];
    if (hours >= 0 && hours <= 10) change({ hours, passed });
  });
}

const player = createPlayer(find(".steps"), {
  show(step) {
    hoursPlot.repaint();
    lossesPlot.repaint();
    if (training.weights.length === 0) return;
    const [w, b] = training.weights[step];
    const even = -b / w;
    const loss = training.losses[Math.min(step, training.losses.length - 1)];
    const isSeen = w > 0 && even >= 0 && even <= 10;
    const key = isSeen ? "lessons.logistic_regression.summary" : "lessons.logistic_regression.no_even";
    const values = { step, w: figures(w), b: figures(b), loss: figures(loss), hours: number(even, 2) };
    find(".summary").textContent = text(key, values);
  },
});

const { request: requestTraining } = asking(
  () => ({
    about: "training",
    epochs: controls.values().epochs,
    lr: controls.values().lr,
    hours: students.map(({ hours }) => hours),
    passed: students.map(({ passed }) => passed),
  }),
  (answer) => {
    training = answer;
    lossesPlot.x = [0, training.losses.length];
    lossesPlot.y = [0, 1.05 * Math.max(...training.losses)];
    player.load(training.losses.length, calm() ? training.losses.length : 0);
    if (!calm()) player.play();
  },
);

// -- by hand --

const sigmoidPlot = createPlot(find(".sigmoid"), {
  x: [-10, 10],
  y: [-0.05, 1.05],
  names: ["z", "σ(z)"],
  paint(pen) {
    pen.line(formulas.sigmoid, "blue");
    pen.dot(controls.values().z, formulas.value, "red", 6, "card");
  },
});

const bcePlot = createPlot(find(".bce"), {
  x: [0, 1],
  y: [0, 5],
  names: ["ŷ", "BCE"],
  paint(pen) {
    pen.line(formulas.bce, "blue");
    pen.dot(controls.values().y_pred, formulas.loss, "red", 6, "card");
  },
});

sigmoidPlot.onPoint((z) => {
  controls.set("z", z.toFixed(1));
  requestFormulas();
}, { sideways: true });
bcePlot.onPoint((p) => {
  controls.set("y_pred", Math.min(0.99, Math.max(0.01, p)).toFixed(2));
  requestFormulas();
}, { sideways: true });

const { request: requestFormulas } = asking(
  () => {
    const { z, y_pred, y } = controls.values();
    return { about: "formulas", z, y_pred, y: Number(y) };
  },
  (answer) => {
    formulas = answer;
    tell({
      sigmoid: number(formulas.value, 4),
      loss: number(formulas.loss, 4),
      by_kernel: number(formulas.by_kernel, 4),
    });
    sigmoidPlot.repaint();
    bcePlot.repaint();
  },
);

listStudents();
requestTraining();
requestFormulas();
