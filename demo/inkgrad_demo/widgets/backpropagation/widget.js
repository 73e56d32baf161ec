// Lesson 4: the graph as boxes with data and grad, stepped forward and backward one node at a time.
import { make } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { createPlayer } from "../../web/player.js";
import { makeSvg } from "../../web/svg.js";
import { createWidget, tableHtml } from "../../web/widget.js";

const MODELS = {
  linear: { formula: "loss = (x w + b − y)²", values: { x: 1, y: 2, w: 1, b: 2 } },
  quadratic: {
    formula: "loss = (w1 x² + w2 x + b − y)²",
    values: { x: 2, y: 4, w1: 1, w2: 1, b: 1 },
  },
};
const [LEAST, MOST] = [-10, 10]; // of a leaf
const PACE = 900; // milliseconds for a step
const PHONE = matchMedia("(max-width: 560px)");
const MARGIN = 2; // for the stroke of a box at the edge
const BOX = { width: 104, height: 66 };
const NARROW_BOX = { width: 84, height: 66 };

// Where boxes are: `along` the way of the data, which is to the right, on a phone down, and `across`.
function createLayout() {
  const isUpright = PHONE.matches;
  const box = isUpright ? NARROW_BOX : BOX;
  const [length, breadth] = isUpright ? [box.height, box.width] : [box.width, box.height];
  const [stepAlong, stepAcross] = isUpright
    ? [length + 28, breadth + 6]
    : [length + 34, breadth + 12];
  const point = (along, across) => (isUpright ? [across, along] : [along, across]);
  return {
    box,
    length,
    point,
    centerOf: ({ place: [column, row] }) => [
      column * stepAlong + length / 2 + MARGIN,
      row * stepAcross + breadth / 2 + MARGIN,
    ],
  };
}

// An arrow from an operand to its operation; once the gradient has passed, the other way and in
// another color.
function makeArrow({ centerOf, length, point }, operand, operation, passed) {
  const [start, from] = centerOf(operand);
  const [end, to] = centerOf(operation);
  const [near, far] = [start + length / 2 + (passed ? 5 : 0), end - length / 2 - (passed ? 0 : 5)];
  const middle = (near + far) / 2;
  const curve = `M${point(near, from)} C${point(middle, from)} ${point(middle, to)} ${point(far, to)}`;
  const [base, peak, side] = passed ? [near + 2, near - 5, from] : [far - 2, far + 5, to];
  const tip = `M${point(base, side - 4)} L${point(peak, side)} L${point(base, side + 4)} Z`;
  const state = passed ? " passed" : "";
  return [
    makeSvg("path", { d: curve, class: `arrow${state}` }),
    makeSvg("path", { d: tip, class: `tip${state}` }),
  ];
}

export function mount(context) {
  const widget = createWidget(context);
  const { find, text, brief } = widget;
  let graph = null;

  const inputs = createInputs(widget, {
    changed: (name) => (name === "model" ? modelChanged() : request()),
  });
  const model = () => MODELS[inputs.values().model];

  function modelChanged() {
    find(".formula").textContent = model().formula;
    const labels = Object.entries(model().values).map(([name, value]) => {
      const limits = { type: "number", min: LEAST, max: MOST, step: 0.5 };
      const input = make("input", { ...limits, name: `leaf-${name}`, value, autocomplete: "off" });
      return make("label", {}, [make("span", { textContent: name }), input]);
    });
    find(".leaves").replaceChildren(...labels);
    request();
  }

  function leafValues() {
    const values = inputs.values();
    return Object.keys(model().values).map((name) => values[`leaf-${name}`]);
  }

  // -- the graph: boxes in a grid, arrows between them --

  function makeBox({ box, centerOf, point }, node, index, step) {
    const [x, y] = point(...centerOf(node));
    const shown = (value) => (value === null ? "?" : brief(value));
    const grad = step.grads[index];
    const { width, height } = box;
    const kind = node.operands.length ? "operation" : "leaf";
    const group = makeSvg("g", { class: `node ${kind}${step.active === index ? " active" : ""}` });
    group.append(
      makeSvg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 10 }),
      makeSvg("text", { x, y: y - 15, class: "name" }, node.name),
      makeSvg("text", { x, y: y + 5 }, `data ${shown(step.data[index])}`),
      makeSvg("text", { x, y: y + 23, class: grad === null ? "" : "grad" }, `grad ${shown(grad)}`),
    );
    return group;
  }

  function paintGraph(step) {
    const { nodes } = graph;
    const layout = createLayout();
    const centers = nodes.map((node) => layout.point(...layout.centerOf(node)));
    const width = Math.max(...centers.map(([x]) => x)) + layout.box.width / 2 + MARGIN;
    const height = Math.max(...centers.map(([, y]) => y)) + layout.box.height / 2 + MARGIN;
    const picture = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    picture.style.setProperty("--natural", `${width}px`);
    nodes.forEach((node, i) => {
      for (const operand of node.operands) {
        picture.append(...makeArrow(layout, nodes[operand], node, step.passed.includes(i)));
      }
    });
    picture.append(...nodes.map((node, i) => makeBox(layout, node, i, step)));
    find(".network").replaceChildren(picture);
  }

  // -- what the step did, in words --

  function nameOf(index) {
    const { name, operands } = graph.nodes[index];
    return operands.length ? `(${name})` : name;
  }

  function describe({ active, direction, data, grads, slopes }) {
    if (active === null) return text("lessons.backpropagation.start");
    const node = graph.nodes[active];
    const operands = node.operands.map(nameOf);
    const values = { sign: node.name, result: brief(data[active]), operands: operands.join(", ") };
    if (direction === "forward") return text("lessons.backpropagation.forward", values);
    if (direction === "loss") return text("lessons.backpropagation.loss", values);
    const grad = grads[active];
    const passed = operands.map((operand, i) => {
      const factors = `${brief(grad)} × ${brief(slopes[i])}`;
      return `${operand}: ${factors} = ${brief(grad * slopes[i])}`;
    });
    return text("lessons.backpropagation.backward", { ...values, passed: passed.join("; ") });
  }

  // The gradients of the leaves, beside those that PyTorch computes.
  function paintCheck(step) {
    const rows = graph.nodes.flatMap(({ name, operands }, i) => {
      if (operands.length) return [];
      const [ours, torch] = [step.grads[i], graph.by_torch[name]];
      if (ours === null) return [[name, "?", brief(torch), ""]];
      const agrees = Math.abs(ours - torch) <= 1e-5 * Math.max(1, Math.abs(torch));
      return [[name, brief(ours), brief(torch), agrees ? "✓" : ""]];
    });
    const heads = [
      text("lessons.backpropagation.leaf"),
      "grad",
      text("lessons.backpropagation.by_torch"),
      "",
    ];
    find(".check").innerHTML = tableHtml(heads, rows);
  }

  const player = createPlayer(widget, find(".steps"), {
    milliseconds: PACE,
    show(at) {
      if (graph === null) return;
      const step = graph.steps[at];
      paintGraph(step);
      paintCheck(step);
      find(".summary").textContent = describe(step);
    },
  });

  const request = widget.requester(
    () => ({ model: inputs.values().model, values: leafValues() }),
    (answer) => {
      const at = graph?.steps.length === answer.steps.length ? player.step : 0;
      graph = answer;
      player.load(graph.steps.length - 1, at);
    },
  );
  PHONE.addEventListener("change", () => graph && paintGraph(graph.steps[player.step]));
  find(".hint").textContent = text("lessons.backpropagation.hint", { least: LEAST, most: MOST });
  modelChanged();
}
