// The network's view of a drawing: its input, the saliency and the feature maps of each layer.
import { fromBase64 } from "../../web/base64.js";
import { make } from "../../web/elements.js";
import { colorMap, fillPixels, GRAYS, pixel } from "../../web/pixels.js";

// For a map's numbers, from none to the layer's largest.
export const INK = colorMap([
  [13, 17, 33],
  [40, 62, 160],
  [96, 130, 255],
  [240, 244, 255],
]);
const GAP = 2; // pixels between two maps

// The input in dim gray, and over it, from amber to red, how much each pixel counts.
function paintSaliency(canvas, levels, saliency, side) {
  fillPixels(canvas, side, side, (i) => {
    const weight = saliency[i] / 255;
    const over = (heat) => weight * heat + (1 - weight) * 0.5 * levels[i];
    return pixel(over(255), over(200 - 140 * weight), over(70 - 40 * weight));
  });
}

const sheet = document.createElement("canvas");

// The places of a layer's maps in a picture of them: as tiles in as square a grid as they fill.
function gridOf({ channels, height, width }) {
  const columns = Math.ceil(Math.sqrt(channels));
  const scale = Math.ceil(340 / (columns * width)); // whole pixels, about twice those of the page
  return {
    columns,
    rows: Math.ceil(channels / columns),
    scale,
    right: width * scale + GAP,
    below: height * scale + GAP,
  };
}

function paintMaps(canvas, layer, maps) {
  const { channels, height, width } = layer;
  const { columns, rows, right, below } = gridOf(layer);
  fillPixels(sheet, width, channels * height, (i) => INK[maps[i]]); // one map below the other
  Object.assign(canvas, { width: columns * right - GAP, height: rows * below - GAP });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % columns) * right;
    const top = Math.floor(channel / columns) * below;
    context.drawImage(
      sheet,
      0,
      channel * height,
      width,
      height,
      left,
      top,
      right - GAP,
      below - GAP,
    );
  }
}

// The number of a map at a place on the canvas: {channel, row, column}, or null beside the maps.
function cellAt(canvas, layer, { offsetX, offsetY }) {
  const { columns, scale, right, below } = gridOf(layer);
  const { clientWidth, clientHeight, width, height } = canvas;
  const fitted = Math.min(clientWidth / width, clientHeight / height); // it is contained
  const x = (offsetX - (clientWidth - fitted * width) / 2) / fitted;
  const y = (offsetY - (clientHeight - fitted * height) / 2) / fitted;
  if (x < 0 || y < 0 || x >= width) return null;
  const channel = Math.floor(y / below) * columns + Math.floor(x / right);
  if (channel >= layer.channels) return null;
  const within = (place, count) => Math.min(count - 1, Math.floor(place / scale));
  return { channel, row: within(y % below, layer.height), column: within(x % right, layer.width) };
}

// createFilm(page, side, {opened}) where opened(layer, cell) is called when a map is chosen: cell is
// {channel, row, column}, or null where the keyboard chose the layer.
export function createFilm({ find, findAll, text, translate }, side, { opened }) {
  let model = null; // whose layers are laid out
  let shown = []; // the layers

  function layOut(layers) {
    for (const each of findAll(".film .layer")) each.remove();
    const frames = layers.map(({ name, channels, height, width }, index) => {
      const size = `${channels} × ${height} × ${width}`;
      const caption = [make("b", { textContent: name }), make("span", { textContent: size })];
      const canvas = make("canvas");
      const button = make("button", { type: "button", className: "maps" }, [canvas]);
      button.addEventListener("click", (event) => {
        const isPointed = event.target === canvas && event.detail > 0;
        opened(name, isPointed ? cellAt(canvas, shown[index], event) : null);
      });
      return make("figure", { className: "layer" }, [button, make("figcaption", {}, caption)]);
    });
    find("#draw-maps-hint").hidden = layers.length === 0;
    if (layers.length === 0) {
      const note = make("p", { className: "layer" });
      note.dataset.text = "draw.no_maps";
      frames.push(note);
    }
    find(".film").append(...frames);
    translate(find(".film"));
  }

  return {
    // An answer of the server; of an empty drawing everything is black.
    paint({ model: name, kind, picture, saliency, layers }) {
      if (name !== model) layOut(layers);
      model = name;
      shown = layers;
      const bytes = (encoded, length) =>
        kind === "nothing" ? new Uint8Array(length) : fromBase64(encoded);
      const levels = bytes(picture, side * side);
      fillPixels(find("#draw-picture"), side, side, (i) => GRAYS[levels[i]]);
      paintSaliency(find("#draw-saliency"), levels, bytes(saliency, side * side), side);
      const canvases = findAll(".layer canvas");
      layers.forEach((layer, i) => {
        const { name: title, channels, height, width, maps } = layer;
        paintMaps(canvases[i], layer, bytes(maps, channels * height * width));
        canvases[i].parentElement.setAttribute(
          "aria-label",
          text("draw.maps_label", { channels, name: title }),
        );
      });
    },
  };
}
