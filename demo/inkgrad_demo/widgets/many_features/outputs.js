// The outputs of the neurons over the plane, from an answer of the server.
import { fromBase64 } from "../../web/base64.js";

// The answer with `outputs` in each moment: outputs.get({layer, neuron}), both from 1, are {x, y,
// values, low, high}, as a region of a chart has them.
export function decoded(answer) {
  return { ...answer, moments: answer.moments.map((moment) => withOutputs(moment, answer)) };
}

function withOutputs(moment, { reach, side, hidden_side: hiddenSide, ranges }) {
  const hidden = fromBase64(moment.hidden);
  const sizes = moment.layers.map(({ b }) => b.length);
  const made = new Map(); // the same object for the same neuron: its image is kept by it
  const plane = { x: [-reach, reach], y: [-reach, reach] };

  function makeOutputs(layer, neuron) {
    if (layer === sizes.length) {
      return { ...plane, low: 0, high: 1, values: rows(fromBase64(moment.output), side, 0, 1) };
    }
    const index = (layer === 1 ? 0 : sizes[0]) + neuron - 1;
    const [low, high] = ranges[index];
    const levels = hidden.subarray(index * hiddenSide ** 2, (index + 1) * hiddenSide ** 2);
    return { ...plane, low, high, values: rows(levels, hiddenSide, low, high) };
  }

  function get({ layer, neuron }) {
    const key = `${layer} ${neuron}`;
    if (!made.has(key)) made.set(key, makeOutputs(layer, neuron));
    return made.get(key);
  }

  return { ...moment, outputs: { get } };
}

// Levels from 0 to 255 as values from `low` to `high`, row by row.
function rows(levels, side, low, high) {
  const value = (level) => low + (level / 255) * (high - low);
  return Array.from({ length: side }, (_, row) =>
    Float32Array.from(levels.subarray(row * side, (row + 1) * side), value),
  );
}
