// Lesson 7: points of a plane, and the network that learns to tell their classes apart: how far it
// is, what each neuron computes, and each weight.
import { createChart } from "../../web/chart.js";
import { createPlayer } from "../../web/player.js";
import { dot, region } from "../../web/shapes.js";
import { createDiagram } from "./diagram.js";
import { decoded } from "./outputs.js";

const MAX_SEED = 2 ** 31;

// mountPlane(widget, inputs) gives {request}, to be called when inputs have changed.
export function mountPlane(widget, inputs) {
  const { find, text, number, brief, percent, requester } = widget;
  const key = (name) => `lessons.many_features.${name}`;
  let trained = null; // the answer: points, and moments of the training
  let seed = 0;
  let shown = { layer: 3, neuron: 1 }; // the neuron over the plane

  const now = () => trained.moments[player.step];

  // -- the plane --

  function pointShapes(points, radius) {
    const look = (isOne) =>
      isOne ? ["red", { radius, ring: "card" }] : ["card", { radius, ring: "blue" }];
    return points.map(([x, y, isOne]) => dot(x, y, ...look(isOne)));
  }

  const name = ({ layer, neuron }) =>
    layer === 3 ? text(key("output")) : text(key("neuron"), { layer, number: neuron });

  const range = () => [-(trained?.reach ?? 1), trained?.reach ?? 1];

  const chart = createChart(widget, find(".plane"), {
    title: () => name(shown),
    label: () => text(key("plane_label"), { name: name(shown) }),
    legend: false,
    zoom: "",
    x: { name: "x₁", range },
    y: { name: "x₂", range },
    shapes() {
      if (trained === null) return [];
      return [
        region(now().outputs.get(shown), { name: name(shown) }),
        ...pointShapes(trained.test, 2.5),
        ...pointShapes(trained.train, 4),
      ];
    },
  });

  // -- the network --

  const diagram = createDiagram(widget, find(".neurons"), {
    show(chosen) {
      shown = chosen;
      chart.repaint();
      showFormula();
    },
  });

  const subscript = (index) => String.fromCharCode(0x2080 + index);

  // sigmoid(1.2 x₁ − 0.3 x₂ + 0.1)
  function showFormula() {
    const { layer, neuron } = shown;
    const { W, b } = now().layers[layer - 1];
    const inputsOf = ["x", "h", "g"][layer - 1];
    const outputsOf = ["h", "g", "ŷ"][layer - 1];
    const activation = layer === 3 ? "sigmoid" : trained.activation;
    const terms = W[neuron - 1].map((weight, i) => {
      const place = W[0].length === 1 && layer > 1 ? "" : subscript(i + 1);
      return [weight, ` ${inputsOf}${place}`];
    });
    const sum = [...terms, [b[neuron - 1], ""]].map(([value, word], i) => {
      const sign = value < 0 ? "−" : "+";
      const size = number(Math.abs(value), 2) + word;
      return i === 0 ? `${sign === "−" ? sign : ""}${size}` : ` ${sign} ${size}`;
    });
    const left = layer === 3 ? outputsOf : outputsOf + subscript(neuron);
    find(".neuron-formula").textContent = `${left} = ${activation}(${sum.join("")})`;
  }

  const player = createPlayer(widget, find(".plane-steps"), {
    show() {
      if (trained === null) return;
      chart.repaint();
      diagram.paint(now());
      showFormula();
      const { epoch, loss, train_accuracy, test_accuracy } = now();
      find(".plane-summary").textContent = text(key("moment"), {
        epoch,
        loss: brief(loss),
        train_accuracy: percent(train_accuracy),
        test_accuracy: percent(test_accuracy),
      });
    },
  });

  const request = requester(
    () => ({ about: "plane", plane_seed: seed, ...inputs.values() }),
    (answer) => {
      find(".plane-summary").classList.toggle("bad", answer.diverged === true);
      if (answer.diverged) {
        find(".plane-summary").textContent = text(key("diverged"));
        return;
      }
      trained = decoded(answer);
      shown = diagram.layOut(trained.moments[0].layers);
      player.playAll(trained.moments.length - 1);
    },
  );

  find(".reseed").addEventListener("click", () => {
    seed = Math.floor(Math.random() * MAX_SEED);
    request();
  });

  return { request };
}
