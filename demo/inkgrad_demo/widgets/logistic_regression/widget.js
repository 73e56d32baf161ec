// Lesson 6: who passed after how many hours, learned live; the sigmoid and the loss of one
// prediction.
import { createChart } from "../../web/chart.js";
import { makeButton } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { createPlayer } from "../../web/player.js";
import { dot, line } from "../../web/shapes.js";
import { createWidget } from "../../web/widget.js";

const MAX_STUDENTS = 30;
const MAX_HOURS = 10;

// σ(x w + b) between the hours, for painting; the server's own numbers are those of the last step.
const curveOf = ([w, b]) =>
  Array.from({ length: 101 }, (_, i) => [i / 10, 1 / (1 + Math.exp(-(i / 10) * w - b))]);

export function mount(context) {
  const widget = createWidget(context);
  const { find, findAll, text, number, steady, requester } = widget;
  const key = (name) => `lessons.logistic_regression.${name}`;
  let students = [
    { hours: 1, passed: 0 },
    { hours: 2, passed: 0 },
    { hours: 3, passed: 1 },
  ];
  let training = { losses: [], weights: [] };
  let formulas = { sigmoid: [], value: 0.5, bce: [], loss: 0 };

  const inputs = createInputs(widget, {
    formats: { lr: steady, z: (z) => number(z, 1), y_pred: (p) => number(p, 2) },
    changed(name) {
      if (name === "epochs" || name === "lr") requestTraining();
      if (["z", "y_pred", "y"].includes(name)) requestFormulas();
    },
  });

  // -- training --

  const hoursChart = createChart(widget, find(".hours"), {
    label: () => text(key("hours_label")),
    legend: false,
    x: { name: text(key("hours")), range: [0, MAX_HOURS], read: (hours) => number(hours, 1) },
    y: { name: text(key("probability")), range: [-0.1, 1.1] },
    zoom: "",
    onTap: (hours, up) => add({ hours: Math.round(2 * hours) / 2, passed: up > 0.5 ? 1 : 0 }),
    shapes() {
      const weights = training.weights[player.step];
      const curve = weights ? [line(curveOf(weights), "blue", { name: "σ", width: 2.5 })] : [];
      return [
        line(
          [
            [0, 0.5],
            [MAX_HOURS, 0.5],
          ],
          "quiet",
          { width: 1, dashes: [5, 4] },
        ),
        ...curve,
        ...students.map(({ hours, passed }) =>
          dot(hours, passed, passed ? "green" : "red", { radius: 6, ring: "card" }),
        ),
      ];
    },
  });

  const lossesChart = createChart(widget, find(".losses"), {
    label: () => text(key("losses_label")),
    legend: false,
    x: {
      name: text(key("epoch")),
      range: () => [0, Math.max(1, training.losses.length)],
      read: (epoch) => number(Math.floor(epoch), 0),
    },
    y: { name: text(key("loss")), range: () => [0, 1.05 * Math.max(...training.losses, 0.1)] },
    shapes: () => [
      line(
        training.losses.slice(0, player.step + 1).map((loss, i) => [i, loss]),
        "blue",
        {
          name: text(key("loss")),
        },
      ),
    ],
  });

  // Several students may have the same hours and result.
  function add(student) {
    if (students.length < MAX_STUDENTS) replaceStudents([...students, student]);
  }

  const remove = (student) => replaceStudents(students.filter((each) => each !== student));

  function replaceStudents(present) {
    students = present;
    listStudents();
    requestTraining();
  }

  function listStudents() {
    const byHours = [...students].sort((one, other) => one.hours - other.hours);
    const buttons = byHours.map((student) => {
      const { hours, passed } = student;
      const button = makeButton(`${number(hours, 1)} h ${passed ? "✓" : "✗"}`, () =>
        remove(student),
      );
      button.disabled = students.length === 1;
      button.className = passed ? "passed" : "failed";
      const action = passed ? "remove_passed" : "remove_failed";
      button.setAttribute("aria-label", text(key(action), { hours }));
      return button;
    });
    find(".list").replaceChildren(...buttons);
    for (const each of findAll(".add button")) each.disabled = students.length === MAX_STUDENTS;
    hoursChart.repaint();
  }

  for (const [selector, passed] of [
    [".add-passed", 1],
    [".add-failed", 0],
  ]) {
    find(selector).addEventListener("click", () => {
      if (inputs.check("new-hours")) add({ hours: inputs.values()["new-hours"], passed });
    });
  }

  const player = createPlayer(widget, find(".steps"), {
    show(step) {
      hoursChart.repaint();
      lossesChart.repaint();
      if (training.weights.length === 0) return;
      const [w, b] = training.weights[step];
      const even = -b / w; // hours at which passing is as likely as failing
      const loss = training.losses[Math.min(step, training.losses.length - 1)];
      const side = w > 0 ? "above" : "below"; // where passing is more likely
      const isInRange = even >= 0 && even <= MAX_HOURS;
      const values = {
        step,
        w: steady(w),
        b: steady(b),
        loss: steady(loss),
        hours: number(even, 2),
      };
      find(".summary").textContent = text(key(isInRange ? side : "no_even"), values);
    },
  });

  const requestTraining = requester(
    () => ({
      about: "training",
      epochs: inputs.values().epochs,
      lr: inputs.values().lr,
      hours: students.map(({ hours }) => hours),
      passed: students.map(({ passed }) => passed),
    }),
    (answer) => {
      training = answer;
      player.playAll(training.losses.length);
    },
  );

  // -- by hand --

  const sigmoidChart = createChart(widget, find(".sigmoid"), {
    label: () => text(key("sigmoid_label")),
    legend: false,
    x: { name: "z", range: [-10, 10] },
    y: { name: "σ(z)", range: [-0.05, 1.05] },
    onPoint(z) {
      inputs.set("z", z.toFixed(1));
      requestFormulas();
    },
    sideways: true,
    shapes: () => [
      line(formulas.sigmoid, "blue", { name: "σ(z)" }),
      dot(inputs.values().z, formulas.value, "red", { radius: 6, ring: "card" }),
    ],
  });

  const bceChart = createChart(widget, find(".bce"), {
    label: () => text(key("bce_label")),
    legend: false,
    x: { name: "ŷ", range: [0, 1] },
    y: { name: "BCE", range: [0, 5] },
    onPoint(prediction) {
      inputs.set("y_pred", Math.min(0.99, Math.max(0.01, prediction)).toFixed(2));
      requestFormulas();
    },
    sideways: true,
    shapes: () => [
      line(formulas.bce, "blue", { name: "BCE" }),
      dot(inputs.values().y_pred, formulas.loss, "red", { radius: 6, ring: "card" }),
    ],
  });

  const requestFormulas = requester(
    () => {
      const { z, y_pred, y } = inputs.values();
      return { about: "formulas", z, y_pred, y: Number(y) };
    },
    (answer) => {
      formulas = answer;
      widget.showValues({
        sigmoid: number(formulas.value, 4),
        loss: number(formulas.loss, 4),
        by_kernel: number(formulas.by_kernel, 4),
      });
      sigmoidChart.repaint();
      bceChart.repaint();
    },
  );

  find(".students-legend").textContent = text(key("students"), { most: MAX_STUDENTS });
  find(".range").textContent = text(key("range"), { least: 0, most: MAX_HOURS });
  listStudents();
  requestTraining();
  requestFormulas();
}
