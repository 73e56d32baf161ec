// The network as neurons and weights: each neuron a button with its outputs over the plane, each
// weight a line, the thicker the larger.
import { onThemeChange, themeColors } from "../../web/colors.js";
import { make } from "../../web/elements.js";
import { fillPixels } from "../../web/pixels.js";
import { twoColors } from "../../web/regions.js";
import { makeSvg } from "../../web/svg.js";

const MAX_WIDTH = 7; // of a line, in pixels
const FULL_WEIGHT = 6; // the weight that is drawn as wide
const COLUMNS = [6, 34, 64, 92]; // in percent of the width: inputs, layers 1 and 2, the output

const place = (index, count) => (100 * (index + 0.5)) / count;

// createDiagram(page, element, {show}) where show({layer, neuron}) shows a neuron elsewhere: the one
// that was chosen by a click, or the one under the pointer or with the focus.
export function createDiagram({ text }, element, { show }) {
  const key = (name) => `lessons.many_features.${name}`;
  const lines = makeSvg("svg", {
    viewBox: "0 0 100 100",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  let neurons = []; // {layer, neuron, button}
  let weights = []; // {layer, from, to, line}
  let chosen = null;
  let painted = null; // the moment

  function choose(neuron) {
    chosen = neuron;
    for (const each of neurons) each.button.ariaPressed = each === neuron;
  }

  function makeNeuron(layer, neuron, count) {
    const button = make("button", { type: "button" }, [make("canvas")]);
    button.style.left = `${COLUMNS[layer]}%`;
    button.style.top = `${place(neuron - 1, count)}%`;
    const label =
      layer === 3 ? text(key("output")) : text(key("neuron"), { layer, number: neuron });
    button.setAttribute("aria-label", label);
    button.title = label;
    const made = { layer, neuron, button };
    for (const enter of ["pointerenter", "focus"])
      button.addEventListener(enter, () => show({ layer, neuron }));
    for (const leave of ["pointerleave", "blur"])
      button.addEventListener(leave, () => show(chosen));
    button.addEventListener("click", () => {
      choose(made);
      show(made);
    });
    return made;
  }

  function makeWeight(layer, from, to, [inputs, outputs]) {
    const line = makeSvg("line", {
      x1: COLUMNS[layer - 1],
      y1: place(from, inputs),
      x2: COLUMNS[layer],
      y2: place(to, outputs),
    });
    return { layer, from, to, line };
  }

  // A network of other layers, or the same again: [{W, b}, ...]. Returns the chosen neuron.
  function layOut(layers) {
    const sizes = [layers[0].W[0].length, ...layers.map(({ b }) => b.length)];
    const before = chosen;
    neurons = [];
    weights = [];
    for (let layer = 1; layer < sizes.length; layer++) {
      for (let to = 0; to < sizes[layer]; to++) {
        neurons.push(makeNeuron(layer, to + 1, sizes[layer]));
        for (let from = 0; from < sizes[layer - 1]; from++)
          weights.push(makeWeight(layer, from, to, sizes.slice(layer - 1)));
      }
    }
    lines.replaceChildren(...weights.map(({ line }) => line));
    const inputs = ["x₁", "x₂"].map((name, i) => {
      const label = make("span", { textContent: name });
      label.style.left = `${COLUMNS[0]}%`;
      label.style.top = `${place(i, 2)}%`;
      return label;
    });
    element.replaceChildren(lines, ...inputs, ...neurons.map(({ button }) => button));
    const same = ({ layer, neuron }) => layer === before?.layer && neuron === before.neuron;
    choose(neurons.find(same) ?? neurons.at(-1));
    return chosen;
  }

  function paint(moment) {
    painted = moment;
    const color = themeColors(element);
    const map = twoColors(color("blue"), color("card"), color("red"), 0.85);
    for (const { layer, neuron, button } of neurons) {
      const { values, low, high } = moment.outputs.get({ layer, neuron });
      const side = values.length;
      fillPixels(button.firstElementChild, side, side, (i) => {
        const value = values[side - 1 - Math.floor(i / side)][i % side]; // the largest x₂ on top
        return map[Math.round((255 * (value - low)) / (high - low))];
      });
    }
    for (const { layer, from, to, line } of weights) {
      const weight = moment.layers[layer - 1].W[to][from];
      const share = Math.min(1, Math.abs(weight) / FULL_WEIGHT);
      line.style.stroke = color(weight < 0 ? "blue" : "red");
      line.style.strokeWidth = `${0.5 + (MAX_WIDTH - 0.5) * share}px`;
    }
  }

  onThemeChange(element, () => painted && paint(painted));

  return { layOut, paint };
}
