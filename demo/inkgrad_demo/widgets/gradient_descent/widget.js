// Lesson 3: a walk down the loss, played step by step; a ball that rolls into one of two valleys; and a descent
// over a saddle, which stops there or not.

let surface = null;
let walk = { path: [], losses: [], diverged: false };
let valleys = { curve: [], path: [] };
let saddleSurface = null;
let descent = { path: [], heights: [], end: "" };

translate();

const oneDecimal = (value) => number(value, 1);
const twoDecimals = (value) => number(value, 2);

const controls = createControls({
  formats: {
    lr: figures, w: oneDecimal, b: oneDecimal, from: twoDecimals,
    saddle_lr: figures, saddle_w: twoDecimals, saddle_v: twoDecimals,
  },
  changed(name) {
    if (["lr", "batch_size", "epochs", "w", "b"].includes(name)) requestWalk();
    else if (name === "from") requestValleys();
    else requestDescent();
  },
});

// -- the walk --

const upTo = (points) => points.slice(0, player.step + 1);

const surfacePlot = createPlot(find(".surface"), {
  x: [-2, 4],
  y: [-1.5, 4],
  names: ["w", "b"],
  paint(pen) {
    if (surface !== null) pen.heat(surface);
    if (walk.path.length === 0) return;
    const walked = upTo(walk.path);
    pen.line(walked, "text", { width: 1.2, dots: walk.path.length > 200 ? 0 : 2 });
    pen.dot(...walk.path[0], "amber", 6, "card");
    pen.dot(...walked.at(-1), "red", 6, "card");
  },
});

const lossesPlot = createPlot(find(".losses"), {
  x: [0, 1],
  y: [1, 100],
  names: [text("lessons.gradient_descent.step"), text("lessons.gradient_descent.loss")],
  logarithmic: true,
  paint: (pen) => pen.line(upTo(walk.losses.map((loss, step) => [step, loss])), "blue"),
});

surfacePlot.onPoint((w, b) => {
  controls.set("w", w.toFixed(1));
  controls.set("b", b.toFixed(1));
  requestWalk();
});

const player = createPlayer(find(".steps"), {
  show(step) {
    surfacePlot.repaint();
    lossesPlot.repaint();
    if (walk.path.length === 0) return;
    const [w, b] = walk.path[step].map(figures);
    const ends = walk.diverged && step === walk.path.length - 1;
    const key = ends ? "lessons.gradient_descent.diverged" : "lessons.gradient_descent.summary";
    find(".summary").textContent = text(key, { step, w, b, loss: figures(walk.losses[step]) });
    find(".summary").classList.toggle("bad", ends);
  },
});

const { request: requestWalk } = asking(
  () => ({ about: "walk", ...controls.values() }),
  (answer) => {
    walk = answer;
    lossesPlot.x = [0, Math.max(1, walk.path.length - 1)];
    lossesPlot.y = [Math.min(1, ...walk.losses), Math.max(30, ...walk.losses)];
    player.load(walk.path.length - 1, calm() ? walk.path.length - 1 : 0);
    if (!calm()) player.play();
  },
);

// -- two valleys --

const valleysPlot = createPlot(find(".valleys"), {
  x: [-2.1, 2.1],
  y: [-4.5, 6],
  names: ["w", text("lessons.gradient_descent.loss")],
  paint(pen) {
    if (valleys.path.length === 0) return;
    pen.line(valleys.curve, "blue");
    pen.line(valleys.path, "amber", { width: 1, dots: 2.5 });
    pen.dot(...valleys.path.at(-1), "red", 6, "card");
  },
});

valleysPlot.onPoint((w) => {
  controls.set("from", w.toFixed(2));
  requestValleys();
}, { sideways: true });

const { request: requestValleys } = asking(
  () => ({ about: "valleys", ...controls.values() }),
  (answer) => {
    valleys = answer;
    const [w, loss] = valleys.path.at(-1);
    const key = w < 0 ? "lessons.gradient_descent.global" : "lessons.gradient_descent.local";
    find(".end").textContent = text(key, { w: number(w, 3), loss: number(loss, 3) });
    valleysPlot.repaint();
  },
);

// -- a saddle --

const walkedDown = (points) => points.slice(0, descentPlayer.step + 1);

const saddlePlot = createPlot(find(".saddle"), {
  x: [-1.25, 1.25],
  y: [-1.25, 1.25],
  names: ["w", "v"],
  paint(pen) {
    if (saddleSurface !== null) pen.heat(saddleSurface);
    pen.cross(0, 0, "text");
    if (descent.path.length === 0) return;
    const walked = walkedDown(descent.path);
    pen.line(walked, "text", { width: 1.2, dots: 2 });
    pen.dot(...descent.path[0], "amber", 6, "card");
    pen.dot(...walked.at(-1), "red", 6, "card");
  },
});

const heightsPlot = createPlot(find(".heights"), {
  x: [0, 1],
  y: [-1.5, 1.5],
  names: [text("lessons.gradient_descent.step"), "w² - v²"],
  paint(pen) {
    pen.line([[0, 0], [heightsPlot.x[1], 0]], "quiet", { width: 1, dash: [4, 3] });
    pen.line(walkedDown(descent.heights.map((height, step) => [step, height])), "blue");
  },
});

saddlePlot.onPoint((w, v) => {
  const ridge = 0.02; // as near as a finger gets to the ridge, from which nothing rolls down
  controls.set("saddle_w", w.toFixed(2));
  controls.set("saddle_v", Math.abs(v) < ridge ? 0 : v.toFixed(2));
  requestDescent();
});

const descentPlayer = createPlayer(find(".saddle-steps"), {
  show(step) {
    saddlePlot.repaint();
    heightsPlot.repaint();
    if (descent.path.length === 0) return;
    const [w, v] = descent.path[step].map((each) => number(each, 3));
    const ends = {
      escaped: "lessons.gradient_descent.escaped",
      stuck: "lessons.gradient_descent.stuck",
      slow: "lessons.gradient_descent.slow",
    };
    const key = step === descent.path.length - 1 ? ends[descent.end] : "lessons.gradient_descent.crossing";
    find(".saddle-end").textContent = text(key, { step, w, v });
  },
});

const { request: requestDescent } = asking(
  () => ({ about: "saddle", ...controls.values() }),
  (answer) => {
    descent = answer;
    const last = descent.path.length - 1;
    heightsPlot.x = [0, Math.max(1, last)];
    descentPlayer.load(last, calm() ? last : 0);
    if (!calm()) descentPlayer.play();
  },
);

asking(() => ({ about: "saddle surface" }), (answer) => {
  saddleSurface = answer;
  saddlePlot.repaint();
}).request();
requestDescent();

asking(() => ({ about: "surface" }), (answer) => {
  surface = answer;
  surfacePlot.repaint();
}).request();
requestWalk();
requestValleys();
