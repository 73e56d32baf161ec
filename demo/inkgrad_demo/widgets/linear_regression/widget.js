// Lesson 5: six optimizers on one surface, step by step.

let surface = null;
let racers = [];

translate();

const controls = createControls({
  formats: { factor: (factor) => `× ${factor}`, w: (w) => number(w, 1), b: (b) => number(b, 1) },
  changed: (name) => (name.startsWith("racer-") ? showStep(player.step) : request()),
});

const seriesOf = (i) => SERIES[i % SERIES.length];
const isShown = ({ name }) => controls.values()[`racer-${name}`] !== false;
const at = (points, step) => points[Math.min(step, points.length - 1)];

function eachShown(act) {
  racers.forEach((racer, i) => isShown(racer) && act(racer, seriesOf(i)));
}

const surfacePlot = createPlot(find(".surface"), {
  x: [-1.5, 3],
  y: [-1.2, 5.2],
  names: ["w", "b"],
  paint(pen) {
    if (surface !== null) pen.heat(surface);
    pen.cross(2, 0, "text");
    eachShown(({ path }, series) => pen.line(path.slice(0, player.step + 1), series, { width: 1.5, dots: 1.8 }));
    eachShown(({ path }, series) => pen.dot(...at(path, player.step), series, 6, "card"));
  },
});

const lossesPlot = createPlot(find(".losses"), {
  x: [0, 60],
  y: [1e-8, 1e3],
  names: [text("lessons.linear_regression.step"), text("lessons.linear_regression.loss")],
  logarithmic: true,
  paint(pen) {
    eachShown(({ losses }, series) => {
      const points = losses.slice(0, player.step + 1).map((loss, step) => [step, loss]);
      pen.line(points, series);
      pen.dot(...points.at(-1), series, 3.5);
    });
  },
});

surfacePlot.onPoint((w, b) => {
  controls.set("w", w.toFixed(1));
  controls.set("b", b.toFixed(1));
  request();
});

function showStep(step) {
  surfacePlot.repaint();
  lossesPlot.repaint();
  racers.forEach(({ name, losses, diverged }) => {
    const out = diverged && step >= losses.length - 1;
    const place = find(`[data-racer="${name}"]`);
    place.textContent = out ? text("lessons.linear_regression.away") : figures(at(losses, step));
    place.classList.toggle("bad", out);
  });
  const running = racers.filter((racer) => isShown(racer) && !(racer.diverged && step >= racer.losses.length - 1));
  if (running.length === 0) return;
  const best = running.reduce((one, other) => (at(other.losses, step) < at(one.losses, step) ? other : one));
  const values = { step, name: best.name, loss: figures(at(best.losses, step)) };
  find(".summary").textContent = text("lessons.linear_regression.leads", values);
}

function listRacers() {
  if (find(".racers label")) return;
  find(".racers").append(
    ...racers.map(({ name }, i) => {
      const label = document.createElement("label");
      label.innerHTML = `<input type="checkbox" name="racer-${name}" checked autocomplete="off">
        <i class="dot ${seriesOf(i)}"></i><span>${name}</span><b data-racer="${name}"></b>`;
      return label;
    }),
  );
}

const player = createPlayer(find(".steps"), { show: showStep });

const { request } = asking(
  () => ({ about: "races", ...controls.values() }),
  (answer) => {
    ({ racers } = answer);
    listRacers();
    const { steps } = controls.values();
    lossesPlot.x = [0, steps];
    player.load(steps, calm() ? steps : 0);
    if (!calm()) player.play();
  },
);

asking(() => ({ about: "surface" }), (answer) => {
  surface = answer;
  surfacePlot.repaint();
}).request();
request();
