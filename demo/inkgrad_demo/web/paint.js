// Painting what the network computed: its input, the saliency and the feature maps. All are bytes, 0 to 255.

function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function toBase64(bytes) {
  return btoa(String.fromCharCode.apply(null, bytes));
}

// A pixel as ImageData keeps it: four bytes, red first, in one little-endian number.
const pixel = (red, green, blue) => (255 << 24) | (blue << 16) | (green << 8) | red;

// A colour map: 256 pixels through the given colours, evenly spaced.
function colourMap(colours) {
  return Int32Array.from({ length: 256 }, (_, level) => {
    const position = (level / 255) * (colours.length - 1);
    const index = Math.min(Math.floor(position), colours.length - 2);
    const mix = (from, channel) => from + (position - index) * (colours[index + 1][channel] - from);
    return pixel(...colours[index].map(mix));
  });
}

const GREYS = colourMap([[0, 0, 0], [255, 255, 255]]);
const INK = colourMap([[13, 17, 33], [40, 62, 160], [96, 130, 255], [240, 244, 255]]);

// Makes the canvas width x height pixels, the i-th of them colour(i).
function fill(canvas, width, height, colour) {
  Object.assign(canvas, { width, height });
  const data = new ImageData(width, height);
  const pixels = new Int32Array(data.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colour(i);
  canvas.getContext("2d").putImageData(data, 0, 0);
}

// The network's input, side x side; the style sheet scales it up.
function paintPicture(canvas, levels, side) {
  fill(canvas, side, side, (i) => GREYS[levels[i]]);
}

// The input in dim grey, and over it, from amber to red, how much each pixel counts.
function paintSaliency(canvas, levels, saliency, side) {
  fill(canvas, side, side, (i) => {
    const weight = saliency[i] / 255;
    const over = (heat) => weight * heat + (1 - weight) * 0.5 * levels[i];
    return pixel(over(255), over(200 - 140 * weight), over(70 - 40 * weight));
  });
}

// All maps of a layer, (channels, height, width), as tiles in as square a grid as they fill.
const sheet = document.createElement("canvas");

function paintMaps(canvas, { channels, height, width }, maps) {
  const GAP = 2;
  const columns = Math.ceil(Math.sqrt(channels));
  const rows = Math.ceil(channels / columns);
  const scale = Math.ceil(340 / (columns * width)); // whole pixels, about twice those of the page
  const right = width * scale + GAP;
  const below = height * scale + GAP;
  fill(sheet, width, channels * height, (i) => INK[maps[i]]); // one map below the other
  Object.assign(canvas, { width: columns * right - GAP, height: rows * below - GAP });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % columns) * right;
    const top = Math.floor(channel / columns) * below;
    context.drawImage(sheet, 0, channel * height, width, height, left, top, right - GAP, below - GAP);
  }
}
