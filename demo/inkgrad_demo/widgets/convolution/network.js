// Lesson 10: the drawing through the trained network, map by map; a number of any map shows what it
// was computed from.
import { fromBase64 } from "../../web/base64.js";
import { createCellPicker } from "../../web/cell_picker.js";
import { make } from "../../web/elements.js";
import { matrixHtml, paintNumbers, placeFrame } from "./painting.js";

const STAGES = ["input", "conv1", "pool1", "conv2", "pool2"];
const COLUMNS = 5; // of a stage's maps; the input is one map
const KERNEL = 5; // its side
const POOL = 2;

const floats = (text) => new Float32Array(fromBase64(text).buffer);

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

  // -- all maps of a stage, as tiles of one picture --

  const columnsOf = ({ channels }) => Math.min(COLUMNS, channels);
  const valueAt = ({ height, width, values }, channel, row, column) =>
    values[(channel * height + row) * width + column];

  function paintStage(index) {
    const maps = stages[index];
    const columns = columnsOf(maps);
    const rows = Math.ceil(maps.channels / columns);
    const numbers = Array.from({ length: rows * maps.height }, (_, y) =>
      Array.from({ length: columns * maps.width }, (__, x) => {
        const channel = Math.floor(y / maps.height) * columns + Math.floor(x / maps.width);
        return valueAt(maps, channel, y % maps.height, x % maps.width);
      }),
    );
    const canvas = canvases[index];
    paintNumbers(canvas, numbers);
    canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
    canvas.parentElement.style.setProperty("--across", columns);
    canvas.parentElement.style.setProperty("--down", rows);
  }

  // Frames around cells of some channels of a stage.
  function frame(index, channels, row, column, cells) {
    const { height, width } = stages[index];
    const columns = columnsOf(stages[index]);
    const frames = channels.map((channel) => {
      const made = make("div", { className: "window" });
      const [down, across] = [Math.floor(channel / columns), channel % columns];
      placeFrame(made, canvases[index], down * height + row, across * width + column, cells);
      return made;
    });
    canvases[index].parentElement.querySelector(".frames").replaceChildren(...frames);
  }

  // -- one number, and what it was computed from --

  function place({ stage, row, column }) {
    const { height, width } = stages[stage];
    const channel =
      Math.floor(row / height) * columnsOf(stages[stage]) + Math.floor(column / width);
    return { channel, y: row % height, x: column % width };
  }

  const patchOf = (maps, channel, top, left, side) =>
    Array.from({ length: side * side }, (_, i) =>
      valueAt(maps, channel, top + Math.floor(i / side), left + (i % side)),
    );

  function showConvolution(stage, { channel, y, x }) {
    const { weight, bias } = layers[(stage - 1) / 2];
    const before = stages[stage - 1];
    const size = KERNEL * KERNEL;
    const channels = Array.from({ length: before.channels }, (_, i) => i);
    const terms = channels.map((from) => {
      const patch = patchOf(before, from, y, x, KERNEL);
      const start = (channel * before.channels + from) * size;
      const weights = [...weight.subarray(start, start + size)];
      return {
        from,
        patch,
        weights,
        sum: patch.reduce((sum, each, i) => sum + each * weights[i], 0),
      };
    });
    frame(stage - 1, channels, y, x, KERNEL);
    const largest = terms.reduce((a, b) => (Math.abs(b.sum) > Math.abs(a.sum) ? b : a));
    const summand = (value) => (value < 0 ? `(${number2(value)})` : number2(value));
    find(".network-terms").innerHTML =
      `<b>${text(key("from_channel"), { channel: largest.from + 1 })}</b>
      ${matrixHtml(largest.patch, brief)}<b>⊙</b>${matrixHtml(largest.weights, brief)}
      <b>Σ =</b><span class="total">${steady(largest.sum)}</span>`;
    return text(key("conv_sum"), {
      sums: terms.map(({ sum }) => summand(sum)).join(" + "),
      bias: summand(bias[channel]),
    });
  }

  const number2 = (value) => widget.number(value, 2);

  function showPool(stage, { channel, y, x }) {
    const patch = patchOf(stages[stage - 1], channel, POOL * y, POOL * x, POOL);
    frame(stage - 1, [channel], POOL * y, POOL * x, POOL);
    find(".network-terms").innerHTML = `<b>max</b>${matrixHtml(patch, brief)}
      <b>=</b><span class="total">${steady(Math.max(...patch))}</span>`;
    return text(key("pool_max"), { max: steady(Math.max(...patch)) });
  }

  function showPicked() {
    const { stage } = picked;
    const at = place(picked);
    for (const each of canvases) each.parentElement.querySelector(".frames").replaceChildren();
    const how = stage % 2 ? showConvolution(stage, at) : showPool(stage, at);
    frame(stage, [at.channel], at.y, at.x, 1);
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
    STAGES.forEach((_, index) => paintStage(index));
    showAnswer();
    if (picked) showPicked();
    else pickers[2].go(3, 3);
  }

  const request = requester(
    () => ({ about: "network", picture: picture() }),
    (newest) => {
      answer = newest;
      stages = newest.maps.map((maps) => ({ ...maps, values: floats(maps.values) }));
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
