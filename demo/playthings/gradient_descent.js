// Lesson 3: a walk down the loss, played step by step; and a ball that rolls into one of two valleys.

let surface = null;
let walk = { path: [], losses: [], diverged: false };
let valleys = { curve: [], path: [] };

translate();

const controls = createControls({
  formats: { lr: figures, w: (w) => number(w, 1), b: (b) => number(b, 1), from: (w) => number(w, 2) },
  changed: (name) => (name === "from" ? requestValleys() : requestWalk()),
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

asking(() => ({ about: "surface" }), (answer) => {
  surface = answer;
  surfacePlot.repaint();
}).request();
requestWalk();
requestValleys();
