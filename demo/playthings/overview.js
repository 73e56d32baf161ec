// Lesson 1: change x or the limit, and see which graph the same three lines record; roll dice.

let seed = 0;
let dice = { rolls: [], means: [] };

translate();

const controls = createControls({
  formats: { x: (x) => number(x, 1), rolls: (rolls) => number(rolls, 0) },
  changed: () => request(),
});

const plot = createPlot(find("canvas"), {
  x: [0, 3],
  y: [1, 6],
  names: [text("lessons.overview.rolls_axis"), text("lessons.overview.mean")],
  paint(pen) {
    pen.line([[0, 3.5], [5, 3.5]], "quiet", { width: 1, dash: [5, 4] });
    pen.line(dice.rolls.map((rolls, i) => [Math.log10(rolls), dice.means[i]]), "blue");
  },
});

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
    const { limit } = controls.values();
    tell({ limit });
    paintGraph(answer);
    const values = { count: answer.operations.length, y: figures(answer.y), grad: figures(answer.grad) };
    find(".summary").textContent = text("lessons.overview.summary", values);
    dice = answer;
    plot.x = [0, Math.log10(dice.rolls.at(-1))];
    plot.repaint();
    find(".mean").textContent = text("lessons.overview.mean_now", { mean: number(dice.means.at(-1), 3) });
  },
);

find(".roll").addEventListener("click", () => {
  seed += 1;
  request();
});
request();
