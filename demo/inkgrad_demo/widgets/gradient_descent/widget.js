// Lesson 3: a walk down the loss, played step by step; a ball that rolls into one of two valleys;
// and a descent over a saddle, which stops there or not.
import { createChart } from "../../web/chart.js";
import { createInputs } from "../../web/inputs.js";
import { createPlayer } from "../../web/player.js";
import { cross, dot, field, line } from "../../web/shapes.js";
import { createWidget } from "../../web/widget.js";

const MAX_DOTTED = 200; // steps of a walk with a dot each
const RIDGE = 0.02; // as near as a finger gets to the ridge, from which nothing rolls down

const isWalkInput = (name) => ["lr", "batch_size", "epochs", "w", "b"].includes(name);

export function mount(context) {
  const widget = createWidget(context);
  const { find, text, number, brief, steady, requester } = widget;
  const key = (name) => `lessons.gradient_descent.${name}`;
  const label = (name) => () => text(key(name));
  let surface = null;
  let walk = { path: [], losses: [], diverged: false };
  let valleys = { curve: [], path: [] };
  let saddleSurface = null;
  let descent = { path: [], heights: [], end: "" };

  const oneDecimal = (value) => number(value, 1);
  const twoDecimals = (value) => number(value, 2);

  const inputs = createInputs(widget, {
    formats: {
      lr: steady,
      w: oneDecimal,
      b: oneDecimal,
      from: twoDecimals,
      saddle_lr: steady,
      saddle_w: twoDecimals,
      saddle_v: twoDecimals,
    },
    changed(name) {
      if (isWalkInput(name)) requestWalk();
      else if (name === "from") requestValleys();
      else requestDescent();
    },
  });

  // A path up to the step that is shown, with its start and its present place.
  function pathShapes(path, step, dots) {
    if (path.length === 0) return [];
    const walked = path.slice(0, step + 1);
    const place = { radius: 6, ring: "card" };
    return [
      line(walked, "text", { width: 1.2, dots }),
      dot(...path[0], "amber", place),
      dot(...walked.at(-1), "red", place),
    ];
  }

  const byStep = (values, step) => values.slice(0, step + 1).map((value, i) => [i, value]);
  const stepAxis = (count) => ({
    name: text(key("step")),
    range: () => [0, Math.max(1, count())],
    read: (step) => number(Math.floor(step), 0),
  });

  // -- the walk --

  const surfaceChart = createChart(widget, find(".surface"), {
    label: label("surface_label"),
    x: { name: "w", range: [-2, 4] },
    y: { name: "b", range: [-1.5, 4] },
    zoom: "xy",
    onPoint(w, b) {
      inputs.set("w", w.toFixed(1));
      inputs.set("b", b.toFixed(1));
      requestWalk();
    },
    shapes: () => [
      ...(surface ? [field(surface, { name: text(key("loss")) })] : []),
      ...pathShapes(walk.path, player.step, walk.path.length > MAX_DOTTED ? 0 : 2),
    ],
  });

  const lossesChart = createChart(widget, find(".losses"), {
    label: label("losses_label"),
    legend: false,
    x: stepAxis(() => walk.path.length - 1),
    y: {
      name: text(key("loss")),
      range: () => [Math.min(1, ...walk.losses), Math.max(30, ...walk.losses)],
      logarithmic: true,
    },
    shapes: () => [line(byStep(walk.losses, player.step), "blue", { name: text(key("loss")) })],
  });

  const player = createPlayer(widget, find(".steps"), {
    show(step) {
      surfaceChart.repaint();
      lossesChart.repaint();
      if (walk.path.length === 0) return;
      const [w, b] = walk.path[step].map(steady);
      const divergesHere = walk.diverged && step === walk.path.length - 1;
      const values = { step, w, b, loss: steady(walk.losses[step]) };
      find(".summary").textContent = text(key(divergesHere ? "diverged" : "summary"), values);
      find(".summary").classList.toggle("bad", divergesHere);
    },
  });

  const requestWalk = requester(
    () => ({ about: "walk", ...inputs.values() }),
    (answer) => {
      walk = answer;
      player.playAll(walk.path.length - 1);
    },
  );

  // -- two valleys --

  const valleysChart = createChart(widget, find(".valleys"), {
    label: label("valleys_label"),
    legend: false,
    x: { name: "w", range: [-2.1, 2.1] },
    y: { name: text(key("loss")), range: [-4.5, 6] },
    onPoint(w) {
      inputs.set("from", w.toFixed(2));
      requestValleys();
    },
    sideways: true,
    shapes() {
      if (valleys.path.length === 0) return [];
      return [
        line(valleys.curve, "blue", { name: text(key("loss")) }),
        line(valleys.path, "amber", { width: 1, dots: 2.5 }),
        dot(...valleys.path.at(-1), "red", { radius: 6, ring: "card" }),
      ];
    },
  });

  const requestValleys = requester(
    () => ({ about: "valleys", ...inputs.values() }),
    (answer) => {
      valleys = answer;
      const [w, loss] = valleys.path.at(-1);
      const values = { w: number(w, 3), loss: number(loss, 3) };
      find(".end").textContent = text(key(valleys.end), values);
      valleysChart.repaint();
    },
  );

  // -- a saddle --

  const saddleChart = createChart(widget, find(".saddle"), {
    label: label("saddle_label"),
    x: { name: "w", range: [-1.25, 1.25] },
    y: { name: "v", range: [-1.25, 1.25] },
    zoom: "xy",
    onPoint(w, v) {
      inputs.set("saddle_w", w.toFixed(2));
      inputs.set("saddle_v", Math.abs(v) < RIDGE ? 0 : v.toFixed(2));
      requestDescent();
    },
    shapes: () => [
      ...(saddleSurface ? [field(saddleSurface)] : []),
      cross(0, 0, "text"),
      ...pathShapes(descent.path, descentPlayer.step, 2),
    ],
  });

  const heightsChart = createChart(widget, find(".heights"), {
    label: label("heights_label"),
    legend: false,
    x: stepAxis(() => descent.path.length - 1),
    y: { name: "w² - v²", range: [-1.5, 1.5] },
    shapes: () => [
      line(
        [
          [0, 0],
          [1e6, 0],
        ],
        "quiet",
        { width: 1, dashes: [4, 3] },
      ),
      line(byStep(descent.heights, descentPlayer.step), "blue", { name: "w² - v²" }),
    ],
  });

  const descentPlayer = createPlayer(widget, find(".saddle-steps"), {
    show(step) {
      saddleChart.repaint();
      heightsChart.repaint();
      if (descent.path.length === 0) return;
      const [w, v] = descent.path[step].map((value) => number(value, 3));
      const isLast = step === descent.path.length - 1;
      const name = isLast ? descent.end : "crossing"; // escaped, stuck or slow
      find(".saddle-end").textContent = text(key(name), { step, w, v });
    },
  });

  const requestDescent = requester(
    () => ({ about: "saddle", ...inputs.values() }),
    (answer) => {
      descent = answer;
      descentPlayer.playAll(descent.path.length - 1);
    },
  );

  const requestSurfaces = [
    requester(
      () => ({ about: "surface" }),
      (answer) => {
        surface = answer;
        find(".batch-size").textContent = text(key("batch_size"), { count: answer.examples });
        find(".drag").textContent = text(key("drag"), { limit: brief(answer.limit, 2) });
        surfaceChart.repaint();
      },
    ),
    requester(
      () => ({ about: "saddle surface" }),
      (answer) => {
        saddleSurface = answer;
        saddleChart.repaint();
      },
    ),
  ];
  for (const request of [...requestSurfaces, requestWalk, requestValleys, requestDescent])
    request();
}
