// The model that the form describes as a diagram: a block for the input and for each layer, with its
// shape and the number of its parameters.
import { make } from "../../web/elements.js";
import { newestOnly } from "../../web/newest.js";
import { makeSvg } from "../../web/svg.js";

const SIDE = 46; // pixels: the size of a picture
const LARGEST = 28; // its pixels along a side
const MOST_SHEETS = 7; // of a stack: of more channels, no more are drawn
const OFFSET = 3; // from one sheet to the next
const AFTER = { relu: "ReLU", sigmoid: "Sigmoid", tanh: "tanh", gelu: "GELU" };
const RETRY = 2000; // milliseconds

// A stack of sheets for channels x height x width.
function stack([channels, height, width]) {
  const sheets = Math.min(MOST_SHEETS, Math.ceil(Math.log2(channels)) + 1);
  const [across, down] = [width, height].map((size) => Math.max(7, (SIDE * size) / LARGEST));
  const spread = OFFSET * (sheets - 1);
  const rects = Array.from({ length: sheets }, (_, i) =>
    makeSvg("rect", { x: OFFSET * i, y: OFFSET * i, width: across, height: down, rx: 1.5 }),
  );
  return picture([across + spread, down + spread], rects);
}

// A column for a vector.
function column([size]) {
  const height = Math.min(SIDE + 12, 9 + 5.5 * Math.log2(size));
  return picture([12, height], [makeSvg("rect", { width: 12, height, rx: 3 })]);
}

function picture([width, height], shapes) {
  const box = `-1 -1 ${width + 2} ${height + 2}`;
  const attributes = { viewBox: box, width: width + 2, height: height + 2, "aria-hidden": "true" };
  const made = makeSvg("svg", attributes);
  made.append(...shapes);
  return made;
}

// createModelDiagram(page) gives {show(described), translate()}; described: {model, activation, features,
// classes}, as the server takes them, or null while the data is not known.
export function createModelDiagram(page) {
  const { find, text, number, send } = page;
  const section = find(".architecture");
  let wanted = null;
  let shown = ""; // as JSON
  let answer = null;

  const request = newestOnly(async () => wanted && send("architecture", wanted), {
    answered(found) {
      answer = found;
      paint();
    },
    failed: () => RETRY,
  });

  function kindText({ kind, kernel, after }) {
    const first = text(`train.layer.${kind}`, { kernel: kernel.join("×") });
    const rest = after.map((name) => AFTER[name] ?? text(`train.layer.${name}`));
    return [first, ...rest].join(" · ");
  }

  function block(shape, title, words) {
    const drawn = shape.length === 1 ? column(shape) : stack(shape);
    return make("li", {}, [
      make("div", { className: "drawn" }, [drawn]),
      make("b", { textContent: shape.map((size) => number(size, 0)).join(" × ") }),
      make("span", { textContent: title }),
      make("small", { textContent: words }),
    ]);
  }

  function paint() {
    section.hidden = answer === null;
    if (answer === null) return;
    const { input, layers } = answer;
    const count = layers.reduce((sum, { parameters }) => sum + parameters, 0);
    section.querySelector("p").textContent = text("train.parameters", { count: number(count, 0) });
    section
      .querySelector("ol")
      .replaceChildren(
        block(input, text("train.layer.input"), ""),
        ...layers.map((layer) =>
          block(
            layer.shape,
            kindText(layer),
            text("train.parameters", { count: number(layer.parameters, 0) }),
          ),
        ),
      );
  }

  return {
    translate: paint,
    show(described) {
      const key = JSON.stringify(described);
      if (key === shown) return;
      shown = key;
      wanted = described;
      request.request();
    },
  };
}
