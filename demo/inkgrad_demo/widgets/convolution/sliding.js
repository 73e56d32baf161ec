// Lesson 10: draw, choose a kernel and watch it slide; sizes and sums at every step.
import { toBase64 } from "../../web/base64.js";
import { make } from "../../web/elements.js";
import { createKeyboard } from "../../web/keyboard.js";
import { createPad } from "../../web/pad.js";
import { fillPixels, GRAYS, pixel } from "../../web/pixels.js";
import { createPlayer } from "../../web/player.js";
import { frameCells, matrixHtml, outcomeHtml, paintNumbers } from "../../web/matrices.js";

const PEN = 0.09; // its width, of the pad's side
const SEVEN = [0.28, 0.26, 0.5, 0.25, 0.72, 0.26, 0.62, 0.45, 0.52, 0.63, 0.44, 0.8];
const SIDE = 28; // of the drawing, in pixels
const CUSTOM = "own"; // a kernel that is none of the lesson's
const [LEAST, MOST] = [-100, 100]; // of a kernel
const PADDING = pixel(205, 214, 245);

export const sizeText = (side) => `${side} × ${side}`;

// mountSliding(widget, inputs, drawn) gives {changed, picture}: changed(name) is to be called when that
// input has changed, picture() is the drawing in base64. drawn() is called when that has changed.
export function mountSliding(widget, inputs, drawn) {
  const { find, findAll, text, brief, steady } = widget;
  let kernels = {}; // of the lesson, by name
  let answer = null;

  function changed(name) {
    if (name === "filter") useKernel();
    if (name === "side") resizeKernel();
    if (name.startsWith("weight")) find("[name=filter]").value = CUSTOM;
    request();
  }

  // -- the kernel --

  const weights = () => findAll(".kernel input").map((input) => input.valueAsNumber);

  function setKernel(values) {
    const side = Math.sqrt(values.length);
    const fields = values.map((value, i) => {
      const limits = { type: "number", step: "any", min: LEAST, max: MOST };
      const shown = { name: `weight${i}`, value: Number(value.toFixed(3)), autocomplete: "off" };
      const input = make("input", { ...limits, ...shown });
      const place = { row: Math.floor(i / side) + 1, column: (i % side) + 1 };
      input.setAttribute("aria-label", text("lessons.convolution.weight", place));
      return input;
    });
    find(".kernel").style.setProperty("--side", side);
    find(".kernel").replaceChildren(...fields);
  }

  function useKernel() {
    const chosen = kernels[inputs.values().filter];
    if (!chosen) return;
    inputs.set("side", Math.sqrt(chosen.length));
    setKernel(chosen);
  }

  // A kernel of another size: the mean.
  function resizeKernel() {
    const count = inputs.values().side ** 2;
    setKernel(Array(count).fill(1 / count));
    find("[name=filter]").value = CUSTOM;
  }

  function listKernels() {
    const names = {
      "vertical edges": text("lessons.convolution.vertical_edges"),
      "horizontal edges": text("lessons.convolution.horizontal_edges"),
      blur: text("lessons.convolution.blur"),
      sharpen: text("lessons.convolution.sharpen"),
      [CUSTOM]: text("lessons.convolution.own"),
    };
    const options = [...Object.keys(kernels), CUSTOM];
    find("[name=filter]").replaceChildren(
      ...options.map((value) => new Option(names[value] ?? value, value)),
    );
  }

  // -- the drawing --

  const pad = createPad(find(".pad"), {
    side: SIDE,
    width: () => PEN,
    changed() {
      request();
      drawn();
    },
  });
  const picture = () => toBase64(pad.pixels());

  createKeyboard(find(".pad"), find(".cursor"), pad, ({ column, row }) => {
    const key = pad.drawing ? "lessons.convolution.pen_down" : "lessons.convolution.pen_up";
    find(".place").textContent = text(key, { column, row });
  });
  find(".clear").addEventListener("click", pad.clear);

  // The ink at a place of the padded picture, from 0 to 255; null in the padding.
  function inkAt(row, column) {
    const isOutside = row < 0 || column < 0 || row >= SIDE || column >= SIDE;
    return isOutside ? null : pad.pixels()[row * SIDE + column];
  }

  function paintPadded(padding) {
    const whole = SIDE + 2 * padding;
    fillPixels(find(".picture"), whole, whole, (i) => {
      const ink = inkAt(Math.floor(i / whole) - padding, (i % whole) - padding);
      return ink === null ? PADDING : GRAYS[255 - ink];
    });
  }

  // -- one step: the window times the kernel --

  function windowAt(row, column) {
    const { stride, padding, side } = inputs.values();
    return Array.from({ length: side * side }, (_, i) => {
      const y = row * stride - padding + Math.floor(i / side);
      const x = column * stride - padding + (i % side);
      return (inkAt(y, x) ?? 0) / 255;
    });
  }

  function showStep(step) {
    if (answer === null) return;
    const { stride, side } = inputs.values();
    const [row, column] = [Math.floor(step / answer.size), step % answer.size];
    frameCells(find(".picture"), row * stride, column * stride, side);
    frameCells(find(".result"), row, column, 1);
    const result = steady(answer.result[row][column]);
    const product = `${matrixHtml(windowAt(row, column), brief)}<b>⊙</b>${matrixHtml(weights(), brief)}`;
    find(".sum").innerHTML = `<b>Σ</b>${product}${outcomeHtml("=", result)}`;
    const values = { row: row + 1, column: column + 1, result };
    find(".summary").textContent = text("lessons.convolution.summary", values);
  }

  const player = createPlayer(widget, find(".steps"), { show: showStep });

  // A tap on the result goes to that step.
  find(".result").addEventListener("pointerdown", ({ currentTarget, offsetX, offsetY }) => {
    if (answer === null) return;
    const { size } = answer;
    const cellAt = (offset) =>
      Math.min(size - 1, Math.floor((offset / currentTarget.clientWidth) * size));
    player.load(size ** 2 - 1, cellAt(offsetY) * size + cellAt(offsetX));
  });

  function sizeFormulas({ size, pooled_size: pooled }) {
    const { side, stride, padding, pool } = inputs.values();
    const convolved = `⌊(${SIDE} + 2 · ${padding} − ${side}) / ${stride}⌋ + 1 = ${size}`;
    return [convolved, `⌊${size} / ${pool}⌋ = ${pooled}`];
  }

  const request = widget.requester(
    () => {
      const { side, stride, padding, pool } = inputs.values();
      return {
        about: "convolution",
        picture: picture(),
        kernel: weights(),
        side,
        stride,
        padding,
        pool,
      };
    },
    (newest) => {
      const { size } = newest;
      const upperMiddle = Math.floor(size / 3) * size + Math.floor(size / 2);
      const at = answer?.size === size ? player.step : upperMiddle;
      answer = newest;
      const { padding } = inputs.values();
      widget.showValues({
        padded: sizeText(SIDE + 2 * padding),
        result_size: sizeText(size),
        pooled_size: sizeText(answer.pooled_size),
      });
      const formulas = sizeFormulas(answer).map((words) => make("span", { textContent: words }));
      find(".sizes").replaceChildren(...formulas);
      paintPadded(padding);
      paintNumbers(find(".result"), answer.result);
      paintNumbers(find(".pooled"), answer.pooled);
      player.load(size ** 2 - 1, at);
    },
  );

  const requestKernels = widget.requester(
    () => ({ about: "filters" }),
    (known) => {
      kernels = known.filters;
      listKernels();
      useKernel();
      pad.restore([{ width: PEN, points: SEVEN }]);
    },
  );
  const numbers = text("lessons.convolution.numbers", { least: LEAST, most: MOST });
  find(".kernel").ariaLabel = numbers;
  find(".limits").textContent = numbers;
  requestKernels();

  return { changed, picture };
}
