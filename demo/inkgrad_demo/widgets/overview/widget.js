// Lesson 1: change x or the limit, and see which graph the same three lines record; follow a slope; roll dice.

let seed = 0;
let shown = { rolls: [], means: [], chain: { curve: [], y: 0, by_rule: 0 } };

translate();

const controls = createControls({
  formats: { x: (x) => number(x, 1), at: (x) => number(x, 2), rolls: (rolls) => number(rolls, 0) },
  changed: () => request(),
});

const dicePlot = createPlot(find(".dice"), {
  x: [0, 3],
  y: [1, 6],
  names: [text("lessons.overview.rolls_axis"), text("lessons.overview.mean")],
  paint(pen) {
    pen.line([[0, 3.5], [5, 3.5]], "quiet", { width: 1, dash: [5, 4] });
    pen.line(shown.rolls.map((rolls, i) => [Math.log10(rolls), shown.means[i]]), "blue");
  },
});

const chainPlot = createPlot(find(".chain"), {
  x: [0, 2],
  y: [-1.3, 1.3],
  names: ["x", "y = sin(x²)"],
  paint(pen) {
    const { curve, y, by_rule: slope } = shown.chain;
    const { at } = controls.values();
    pen.line(curve, "blue");
    pen.line([at - 0.3, at + 0.3].map((x) => [x, y + slope * (x - at)]), "red");
    pen.dot(at, y, "red", 6, "card");
  },
});

chainPlot.onPoint((x) => {
  controls.set("at", x.toFixed(2));
  request();
}, { sideways: true });

function paintGraph({ operations, y }) {
  const { x } = controls.values();
  const nodes = [`x = ${number(x, 1)}`, ...operations, `y = ${figures(y)}`];
  find(".graph").replaceChildren(
    ...nodes.map((name, i) => {
      const node = document.createElement("li");
      node.textContent = name;
      node.classList.toggle("leaf", i === 0 || i === nodes.length - 1);
      return node;
    }),
  );
}

const { request } = asking(
  () => ({ ...controls.values(), seed }),
  (answer) => {
    shown = answer;
    const { by_rule, by_difference, by_autograd } = shown.chain;
    tell({ limit: controls.values().limit });
    tell({ by_rule: number(by_rule, 6), by_difference: number(by_difference, 6), by_autograd: number(by_autograd, 6) });
    chainPlot.repaint();
    paintGraph(answer);
    const values = { count: answer.operations.length, y: figures(answer.y), grad: figures(answer.grad) };
    find(".summary").textContent = text("lessons.overview.summary", values);
    dicePlot.x = [0, Math.log10(shown.rolls.at(-1))];
    dicePlot.repaint();
    find(".mean").textContent = text("lessons.overview.mean_now", { mean: number(shown.means.at(-1), 3) });
  },
);

find(".roll").addEventListener("click", () => {
  seed += 1;
  request();
});
request();
