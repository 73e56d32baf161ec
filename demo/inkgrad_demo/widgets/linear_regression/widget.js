// Lesson 5: six optimizers on one surface, step by step.
import { createChart } from "../../web/chart.js";
import { SERIES } from "../../web/colors.js";
import { make } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { createPlayer } from "../../web/player.js";
import { cross, dot, field, line } from "../../web/shapes.js";
import { createWidget } from "../../web/widget.js";

const DASHES = [6, 3]; // where more optimizers race than there are colors
const at = (points, step) => points[Math.min(step, points.length - 1)];
const hasDiverged = ({ diverged, losses }, step) => diverged && step >= losses.length - 1;

export function mount(context) {
  const widget = createWidget(context);
  const { find, text, number, brief, steady } = widget;
  const key = (name) => `lessons.linear_regression.${name}`;
  let surface = null;
  let racers = []; // {name, lr, path, losses, diverged, color, dashes}

  const inputs = createInputs(widget, {
    formats: { factor: (factor) => `× ${factor}`, w: (w) => number(w, 1), b: (b) => number(b, 1) },
    changed: (name) => (name.startsWith("racer-") ? showStep(player.step) : request()),
  });

  function shownRacers() {
    const values = inputs.values();
    return racers.filter(({ name }) => values[`racer-${name}`] !== false);
  }

  const surfaceChart = createChart(widget, find(".surface"), {
    label: () => text(key("surface_label")),
    x: { name: "w", range: [-1.5, 3] },
    y: { name: "b", range: [-1.2, 5.2] },
    zoom: "xy",
    onPoint(w, b) {
      inputs.set("w", w.toFixed(1));
      inputs.set("b", b.toFixed(1));
      request();
    },
    shapes() {
      const shown = shownRacers();
      const { step } = player;
      return [
        ...(surface
          ? [field(surface, { name: text(key("loss")) }), cross(...surface.minimum, "text")]
          : []),
        ...shown.map(({ path, color, dashes }) =>
          line(path.slice(0, step + 1), color, { width: 1.5, dots: 1.8, dashes }),
        ),
        ...shown.map(({ path, color }) =>
          dot(...at(path, step), color, { radius: 6, ring: "card" }),
        ),
      ];
    },
  });

  const lossesChart = createChart(widget, find(".losses"), {
    label: () => text(key("losses_label")),
    legend: false,
    x: {
      name: text(key("step")),
      range: () => [0, inputs.values().steps],
      read: (step) => number(Math.floor(step), 0),
    },
    y: { name: text(key("loss")), range: [1e-8, 1e3], logarithmic: true },
    shapes: () =>
      shownRacers().flatMap(({ name, losses, color, dashes }) => {
        const points = losses.slice(0, player.step + 1).map((loss, step) => [step, loss]);
        return [
          line(points, color, { name, dashes }),
          dot(...points.at(-1), color, { radius: 3.5 }),
        ];
      }),
  });

  function showStep(step) {
    surfaceChart.repaint();
    lossesChart.repaint();
    for (const racer of racers) {
      const isOut = hasDiverged(racer, step);
      const place = find(`[data-racer="${racer.name}"]`);
      place.textContent = isOut ? text(key("away")) : steady(at(racer.losses, step));
      place.classList.toggle("bad", isOut);
      find(`[data-rate="${racer.name}"]`).textContent = `lr ${brief(racer.lr, 3)}`;
    }
    const lossOf = ({ losses }) => at(losses, step);
    const [best] = shownRacers()
      .filter((racer) => !hasDiverged(racer, step))
      .sort((one, other) => lossOf(one) - lossOf(other));
    if (!best) return;
    const values = { step, name: best.name, loss: steady(lossOf(best)) };
    find(".summary").textContent = text(key("leads"), values);
  }

  function listRacers() {
    if (find(".racers label")) return;
    const labels = racers.map(({ name, color, dashes }) => {
      const type = { type: "checkbox", checked: true, autocomplete: "off" };
      const value = make("b");
      value.dataset.racer = name;
      const rate = make("small");
      rate.dataset.rate = name;
      return make("label", {}, [
        make("input", { ...type, name: `racer-${name}` }),
        make("i", { className: `dot ${color} ${dashes.length ? "hollow" : ""}` }),
        make("span", { textContent: name }),
        rate,
        value,
      ]);
    });
    find(".racers").append(...labels);
  }

  const player = createPlayer(widget, find(".steps"), { show: showStep });

  const request = widget.requester(
    () => ({ about: "races", ...inputs.values() }),
    (answer) => {
      racers = answer.racers.map((racer, i) => ({
        ...racer,
        color: SERIES[i % SERIES.length],
        dashes: i < SERIES.length ? [] : DASHES,
      }));
      listRacers();
      player.playAll(inputs.values().steps);
    },
  );

  const requestSurface = widget.requester(
    () => ({ about: "surface" }),
    (answer) => {
      surface = answer;
      const { limit, sgd } = answer;
      const values = { limit: brief(limit, 2), factor: brief(limit / sgd, 2) };
      find(".drag").textContent = text(key("drag"), values);
      surfaceChart.repaint();
    },
  );
  requestSurface();
  request();
}
