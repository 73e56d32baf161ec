// The network's view of a drawing: its input, the saliency and the feature maps of each layer.
import { fromBase64 } from "../../web/base64.js";
import { make } from "../../web/elements.js";
import { colorMap, fillPixels, GRAYS, pixel } from "../../web/pixels.js";

const INK = colorMap([
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

// All maps of a layer, (channels, height, width), as tiles in as square a grid as they fill.
function paintMaps(canvas, { channels, height, width }, maps) {
  const columns = Math.ceil(Math.sqrt(channels));
  const rows = Math.ceil(channels / columns);
  const scale = Math.ceil(340 / (columns * width)); // whole pixels, about twice those of the page
  const right = width * scale + GAP;
  const below = height * scale + GAP;
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

export function createFilm({ find, findAll, text, translate }, side) {
  let model = null; // whose layers are laid out

  function layOut(layers) {
    for (const each of findAll(".film .layer")) each.remove();
    const frames = layers.map(({ name, channels, height, width }) => {
      const size = `${channels} × ${height} × ${width}`;
      const caption = [make("b", { textContent: name }), make("span", { textContent: size })];
      const canvas = make("canvas", { role: "img" });
      return make("figure", { className: "layer" }, [canvas, make("figcaption", {}, caption)]);
    });
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
      const bytes = (encoded, length) =>
        kind === "nothing" ? new Uint8Array(length) : fromBase64(encoded);
      const levels = bytes(picture, side * side);
      fillPixels(find("#draw-picture"), side, side, (i) => GRAYS[levels[i]]);
      paintSaliency(find("#draw-saliency"), levels, bytes(saliency, side * side), side);
      const canvases = findAll(".layer canvas");
      layers.forEach((layer, i) => {
        const { name: title, channels, height, width, maps } = layer;
        paintMaps(canvases[i], layer, bytes(maps, channels * height * width));
        canvases[i].setAttribute("aria-label", text("draw.maps_label", { channels, name: title }));
      });
    },
  };
}
