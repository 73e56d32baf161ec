// Lesson 10: a color picture split into its channels; at each position of the kernel, the products in
// every channel, their sum over the channels, and the bias.
import { createCellPicker } from "../../web/cell_picker.js";
import { convolutionTerms } from "../../web/convolution.js";
import { make } from "../../web/elements.js";
import { fillPixels, pixel } from "../../web/pixels.js";
import { frameCells, matrixHtml, outcomeHtml, paintNumbers } from "../../web/matrices.js";

const NAMES = ["red", "green", "blue"];
const START = [6, 8]; // the result that is shown first: at the balloon

const sizeText = (...sizes) => sizes.join(" × ");

// mountChannels(widget, inputs) gives {request}, to be called when inputs have changed.
export function mountChannels(widget, inputs) {
  const { find, text, brief, steady, requester } = widget;
  const key = (name) => `lessons.convolution.${name}`;
  let answer = null;

  const canvasOf = (name) => find(`.rgb-${name}`);

  function paintPictures() {
    const { picture, result } = answer;
    const [height, width] = [picture[0].length, picture[0][0].length];
    const level = (channel, i) => 255 * picture[channel][Math.floor(i / width)][i % width];
    fillPixels(canvasOf("picture"), width, height, (i) =>
      pixel(...NAMES.map((_, channel) => level(channel, i))),
    );
    NAMES.forEach((name, channel) =>
      fillPixels(canvasOf(name), width, height, (i) =>
        pixel(...NAMES.map((_, each) => (each === channel ? level(channel, i) : 0))),
      ),
    );
    paintNumbers(canvasOf("result"), result);
    widget.showValues({
      rgb_size: sizeText(NAMES.length, height, width),
      channel_size: sizeText(height, width),
      rgb_result_size: sizeText(result.length, result[0].length),
    });
  }

  // For each channel: the numbers under the kernel, the kernel's layer, and their products.
  function termsAt(row, column) {
    const { picture, kernel } = answer;
    const [channels, height, width] = [picture.length, picture[0].length, picture[0][0].length];
    const maps = { channels, height, width, values: picture.flat(2) };
    return convolutionTerms(maps, kernel.flat(2), row, column, kernel[0].length);
  }

  const summand = (value, words) => (value < 0 ? `(${words})` : words);

  function showCell(row, column) {
    const side = answer.kernel[0].length;
    for (const name of ["picture", ...NAMES]) frameCells(canvasOf(name), row, column, side);
    frameCells(canvasOf("result"), row, column, 1);
    const terms = termsAt(row, column);
    const lines = terms.map(({ patch, weights, products, sum }, channel) => {
      const matrices = [patch, weights, products].map((values) => matrixHtml(values, brief));
      const line = make("div", { className: `sum channel ${NAMES[channel]}` });
      line.innerHTML = `<b>${text(key(NAMES[channel]))}</b>${matrices[0]}<b>⊙</b>${matrices[1]}
        <b>=</b>${matrices[2]}${outcomeHtml("Σ =", steady(sum))}`;
      return line;
    });
    find(".rgb-terms").replaceChildren(...lines);
    find(".rgb-summary").textContent = text(key("rgb_sum"), {
      row: row + 1,
      column: column + 1,
      sums: terms.map(({ sum }) => summand(sum, steady(sum))).join(" + "),
      bias: summand(answer.bias, brief(answer.bias)),
      result: steady(answer.result[row][column]),
    });
  }

  const picker = createCellPicker(canvasOf("result"), showCell);

  const request = requester(
    () => ({ about: "channels", ...inputs.values() }),
    (newest) => {
      const isFirst = answer === null;
      answer = newest;
      paintPictures();
      picker.go(...(isFirst ? START : picker.cell));
    },
  );

  return { request };
}
