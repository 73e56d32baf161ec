// Lesson 4: the graph as boxes with data and grad, stepped forward and backward one node at a time.

const MODELS = {
  linear: { formula: "loss = (x w + b − y)²", values: { x: 1, y: 2, w: 1, b: 2 } },
  quadratic: { formula: "loss = (w1 x² + w2 x + b − y)²", values: { x: 2, y: 4, w1: 1, w2: 1, b: 1 } },
};
let graph = null;

translate();

const controls = createControls({ changed: (name) => (name === "model" ? modelChanged() : request()) });
const model = () => MODELS[controls.values().model];

function modelChanged() {
  find(".formula").textContent = model().formula;
  find(".leaves").replaceChildren(
    ...Object.entries(model().values).map(([name, value]) => {
      const label = document.createElement("label");
      label.innerHTML = `<span>${name}</span>
        <input type="number" name="leaf-${name}" min="-10" max="10" step="0.5" value="${value}" autocomplete="off">`;
      return label;
    }),
  );
  request();
}

function values() {
  const set = controls.values();
  return Object.keys(model().values).map((name) => set[`leaf-${name}`]);
}

// -- the graph: boxes in a grid, arrows between them --

const BOX = { width: 104, height: 66, across: 138, down: 78 };
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, words = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}

const MARGIN = 2; // for the stroke of a box at the edge
const centre = ({ place: [column, row] }) => [
  column * BOX.across + BOX.width / 2 + MARGIN,
  row * BOX.down + BOX.height / 2 + MARGIN,
];

function arrow(from, to, reached) {
  const [startX, startY] = centre(from);
  const [endX, endY] = centre(to);
  const [left, right] = [startX + BOX.width / 2, endX - BOX.width / 2 - 5];
  const bend = (right - left) / 2;
  const curve = `M${left} ${startY} C${left + bend} ${startY} ${right - bend} ${endY} ${right} ${endY}`;
  const made = svg("path", { d: curve, class: reached ? "arrow reached" : "arrow" });
  const tip = svg("path", { d: `M${right - 2} ${endY - 4} l7 4 l-7 4 Z`, class: reached ? "tip reached" : "tip" });
  return [made, tip];
}

function box(node, i, step) {
  const [x, y] = centre(node);
  const shown = (value) => (value === null ? "?" : short(value));
  const classes = ["node", node.operands.length ? "operation" : "leaf"];
  if (step.active === i) classes.push("active");
  const made = svg("g", { class: classes.join(" ") });
  made.append(
    svg("rect", { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 10 }),
    svg("text", { x, y: y - 15, class: "name" }, node.name),
    svg("text", { x, y: y + 5 }, `data ${shown(step.data[i])}`),
    svg("text", { x, y: y + 23, class: step.grads[i] === null ? "" : "grad" }, `grad ${shown(step.grads[i])}`),
  );
  return made;
}

function paintGraph(step) {
  const { nodes } = graph;
  const width = Math.max(...nodes.map((node) => centre(node)[0])) + BOX.width / 2 + MARGIN;
  const height = Math.max(...nodes.map((node) => centre(node)[1])) + BOX.height / 2 + MARGIN;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  picture.style.setProperty("--natural", `${width}px`);
  for (const node of nodes) {
    for (const operand of node.operands) picture.append(...arrow(nodes[operand], node, step.grads[operand] !== null));
  }
  picture.append(...nodes.map((node, i) => box(node, i, step)));
  find(".network").replaceChildren(picture);
}

// -- what the step did, in words --

const nameOf = (i) => (graph.nodes[i].operands.length ? `(${graph.nodes[i].name})` : graph.nodes[i].name);

function describe(step) {
  if (step.active === null) return text("lessons.backpropagation.start");
  const node = graph.nodes[step.active];
  const operands = node.operands.map(nameOf);
  const values = { sign: node.name, result: short(step.data[step.active]), operands: operands.join(", ") };
  if (step.direction === "forward") return text("lessons.backpropagation.forward", values);
  if (step.direction === "loss") return text("lessons.backpropagation.loss", values);
  const grad = step.grads[step.active];
  const passed = operands.map((operand, i) => {
    const slope = step.slopes[i];
    return `${operand}: ${short(grad)} × ${short(slope)} = ${short(grad * slope)}`;
  });
  return text("lessons.backpropagation.backward", { ...values, passed: passed.join("; ") });
}

// The grads of the leaves, beside what PyTorch finds.
function paintCheck(step) {
  const rows = graph.nodes.flatMap((node, i) => {
    if (node.operands.length) return [];
    const [mine, torch] = [step.grads[i], graph.by_torch[node.name]];
    const same = mine !== null && Math.abs(mine - torch) <= 1e-5 * Math.max(1, Math.abs(torch));
    return [[node.name, mine === null ? "?" : short(mine), short(torch), same ? "✓" : ""]];
  });
  const head = [text("lessons.backpropagation.leaf"), "grad", text("lessons.backpropagation.by_torch"), ""];
  find(".check").innerHTML = tableOf(head, rows);
}

const player = createPlayer(find(".steps"), {
  milliseconds: 900,
  show(at) {
    if (graph === null) return;
    const step = graph.steps[at];
    paintGraph(step);
    paintCheck(step);
    find(".summary").textContent = describe(step);
  },
});

const { request } = asking(
  () => ({ model: controls.values().model, values: values() }),
  (answer) => {
    const before = graph?.steps.length === answer.steps.length ? player.step : 0;
    graph = answer;
    player.load(graph.steps.length - 1, before);
  },
);
modelChanged();
