// Lesson 10: the drawing through the trained network, map by map; a number of any map shows what it
// was computed from.
import { createCellPicker } from "../../web/cell_picker.js";
import {
  bySize,
  convolutionTerms,
  decodedMaps,
  floats,
  patchOf,
  valueAt,
} from "../../web/convolution.js";
import { make } from "../../web/elements.js";
import { createMapTiles } from "../../web/map_tiles.js";
import { matrixHtml, outcomeHtml } from "../../web/matrices.js";

const STAGES = ["input", "conv1", "pool1", "conv2", "pool2"];
const COLUMNS = 5; // of a stage's maps; the input is one map
const KERNEL = 5; // its side
const POOL = 2;

// mountNetwork(widget, picture) gives {request}, to be called when the drawing has changed, where
// picture() is the drawing in base64.
export function mountNetwork(widget, picture) {
  const { find, text, brief, steady, probability, requester } = widget;
  const key = (name) => `lessons.convolution.${name}`;
  let layers = null; // kernels and biases of both convolutions
  let stages = null; // {channels, height, width, values}
  let answer = null;
  let picked = null; // {stage, row, column} of the painted stage
  const canvases = STAGES.map((name) => find(`.stage-${name} canvas`));
  const tiles = canvases.map((canvas) => createMapTiles(canvas, COLUMNS));

  // -- one number, and what it was computed from --

  function showConvolution(stage, { channel, y, x }) {
    const { weight, bias } = layers[(stage - 1) / 2];
    const before = stages[stage - 1];
    const size = before.channels * KERNEL * KERNEL;
    const kernels = weight.subarray(channel * size, (channel + 1) * size);
    const terms = convolutionTerms(before, kernels, y, x, KERNEL);
    tiles[stage - 1].frame(
      terms.map(({ from }) => from),
      y,
      x,
      KERNEL,
    );
    const [largest] = bySize(terms);
    const summand = (value) => (value < 0 ? `(${number2(value)})` : number2(value));
    find(".network-terms").innerHTML =
      `<b>${text(key("from_channel"), { channel: largest.from + 1 })}</b>
      ${matrixHtml(largest.patch, brief)}<b>⊙</b>${matrixHtml(largest.weights, brief)}
      ${outcomeHtml("Σ =", steady(largest.sum))}`;
    return text(key("conv_sum"), {
      sums: terms.map(({ sum }) => summand(sum)).join(" + "),
      bias: summand(bias[channel]),
    });
  }

  const number2 = (value) => widget.number(value, 2);

  function showPool(stage, { channel, y, x }) {
    const patch = patchOf(stages[stage - 1], channel, POOL * y, POOL * x, POOL);
    tiles[stage - 1].frame([channel], POOL * y, POOL * x, POOL);
    find(".network-terms").innerHTML = `<b>max</b>${matrixHtml(patch, brief)}
      ${outcomeHtml("=", steady(Math.max(...patch)))}`;
    return text(key("pool_max"), { max: steady(Math.max(...patch)) });
  }

  function showPicked() {
    const { stage, row, column } = picked;
    const at = tiles[stage].at(row, column);
    for (const each of tiles) each.clear();
    const how = stage % 2 ? showConvolution(stage, at) : showPool(stage, at);
    tiles[stage].frame([at.channel], at.y, at.x, 1);
    find(".network-summary").textContent = text(key("number"), {
      stage: text(key(STAGES[stage])),
      channel: at.channel + 1,
      row: at.y + 1,
      column: at.x + 1,
      value: steady(valueAt(stages[stage], at.channel, at.y, at.x)),
      how,
    });
  }

  const pickers = STAGES.slice(1).map((_, i) =>
    createCellPicker(canvases[i + 1], (row, column) => {
      if (!layers || !stages) return;
      picked = { stage: i + 1, row, column };
      showPicked();
    }),
  );

  // -- the answer --

  function showAnswer() {
    const { probabilities } = answer;
    const best = probabilities.indexOf(Math.max(...probabilities));
    const rows = probabilities.map((share, digit) => {
      const bar = make("i");
      bar.style.setProperty("--share", share);
      const cells = [String(digit), bar, probability(share)].map((each) => make("td", {}, [each]));
      cells[1].className = "bar";
      return make("tr", { className: digit === best ? "right" : "" }, cells);
    });
    find(".network-answer tbody").replaceChildren(...rows);
  }

  function show() {
    if (!layers || !stages) return;
    tiles.forEach((each, index) => each.paint(stages[index]));
    showAnswer();
    if (picked) showPicked();
    else pickers[2].go(3, 3);
  }

  const request = requester(
    () => ({ about: "network", picture: picture() }),
    (newest) => {
      answer = newest;
      stages = newest.maps.map(decodedMaps);
      show();
    },
  );

  const requestWeights = requester(
    () => ({ about: "network weights" }),
    (known) => {
      layers = known.layers.map(({ weight, bias }) => ({ weight: floats(weight), bias }));
      show();
    },
  );
  requestWeights();

  return { request };
}
