// Lesson 1: change x or the limit and see which graph the same three lines record; follow a slope;
// roll dice.
import { createChart } from "../../web/chart.js";
import { make } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { dot, line } from "../../web/shapes.js";
import { createWidget } from "../../web/widget.js";

const EXPECTATION = 3.5; // of a die

export function mount(context) {
  const widget = createWidget(context);
  const { find, text, number, steady, showValues } = widget;
  let seed = 0;
  let shown = { rolls: [1, 1000], means: [], chain: { curve: [], y: 0, by_rule: 0 } };

  const inputs = createInputs(widget, {
    formats: {
      x: (x) => number(x, 1),
      at: (x) => number(x, 2),
      rolls: (rolls) => number(rolls, 0),
    },
    changed: () => request(),
  });

  const dice = createChart(widget, find(".dice"), {
    label: () => text("lessons.overview.dice_label"),
    legend: false,
    x: {
      name: text("lessons.overview.rolls_axis"),
      logarithmic: true,
      range: () => [1, Math.max(10, shown.rolls.at(-1))],
      read: (rolls) => number(rolls, 0),
    },
    y: { name: text("lessons.overview.mean"), range: [1, 6] },
    shapes: () => [
      line(
        [
          [1, EXPECTATION],
          [1e6, EXPECTATION],
        ],
        "quiet",
        { width: 1, dashes: [5, 4] },
      ),
      line(
        shown.means.map((mean, i) => [shown.rolls[i], mean]),
        "blue",
        {
          name: text("lessons.overview.mean"),
        },
      ),
    ],
  });

  const chain = createChart(widget, find(".chain"), {
    label: () => text("lessons.overview.chain_label"),
    legend: false,
    x: { name: "x", range: [0, 2] },
    y: { name: "y = sin(x²)", range: [-1.3, 1.3] },
    onPoint(x) {
      inputs.set("at", x.toFixed(2));
      request();
    },
    sideways: true,
    shapes() {
      const { curve, y, by_rule: slope } = shown.chain;
      const { at } = inputs.values();
      const tangent = [at - 0.3, at + 0.3].map((x) => [x, y + slope * (x - at)]);
      return [
        line(curve, "blue", { name: "y" }),
        line(tangent, "red"),
        dot(at, y, "red", { radius: 6, ring: "card" }),
      ];
    },
  });

  // The nodes in a row. An arrow leads from each to the next; a node's other operands stand in it.
  function paintGraph({ nodes, y }) {
    const { x } = inputs.values();
    const leaf = (words) => make("li", { className: "leaf", textContent: words });
    const steps = nodes.slice(1).map(({ name, operands }, before) => {
      const others = [...operands];
      others.splice(others.indexOf(before), 1); // the arrow stands for this one
      const marks = others.map((operand) => (operand === 0 ? "x" : String(operand)));
      return make("li", {}, [...marks.map((mark) => make("b", { textContent: mark })), name]);
    });
    find(".graph").replaceChildren(leaf(`x = ${number(x, 1)}`), ...steps, leaf(`y = ${steady(y)}`));
  }

  const request = widget.requester(
    () => ({ ...inputs.values(), seed }),
    (answer) => {
      shown = answer;
      const sixDecimals = ["by_rule", "by_difference", "by_autograd"].map((name) => [
        name,
        number(answer.chain[name], 6),
      ]);
      showValues({ limit: inputs.values().limit, ...Object.fromEntries(sixDecimals) });
      chain.repaint();
      dice.repaint();
      paintGraph(answer);
      const { nodes, y, grad, means } = answer;
      const values = { count: nodes.length - 1, y: steady(y), grad: steady(grad) };
      find(".summary").textContent = text("lessons.overview.summary", values);
      const mean = number(means.at(-1), 3);
      find(".mean").textContent = text("lessons.overview.mean_now", { mean });
    },
  );

  find(".roll").addEventListener("click", () => {
    seed += 1;
    request();
  });
  request();
}
