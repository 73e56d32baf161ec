// Lesson 10: draw, choose a kernel, and watch it slide; sizes and sums at every step.

const SEVEN = [0.28, 0.26, 0.5, 0.25, 0.72, 0.26, 0.62, 0.45, 0.52, 0.63, 0.44, 0.8]; // to begin with
const OWN = "own"; // a kernel that is none of the lesson's

let side = 28; // of the drawing, in pixels
let filters = {};
let answer = null;

translate();

const controls = createControls({
  formats: Object.fromEntries(["side", "pool"].map((name) => [name, (n) => `${n} × ${n}`])),
  changed(name) {
    if (name === "filter") useFilter();
    if (name === "side") fitKernel();
    if (name.startsWith("weight")) find("[name=filter]").value = OWN;
    request();
  },
});

// -- the kernel --

const weights = () => [...element.querySelectorAll(".kernel input")].map((input) => input.valueAsNumber || 0);

function setKernel(values) {
  const rows = Math.sqrt(values.length);
  find(".kernel").style.setProperty("--side", rows);
  find(".kernel").replaceChildren(
    ...values.map((value, i) => {
      const input = document.createElement("input");
      const limits = { step: "any", min: -100, max: 100 };
      Object.assign(input, { type: "number", name: `weight${i}`, autocomplete: "off", ...limits });
      input.value = Number(value.toFixed(3));
      const place = { row: Math.floor(i / rows) + 1, column: (i % rows) + 1 };
      input.setAttribute("aria-label", text("lessons.convolution.weight", place));
      return input;
    }),
  );
}

function useFilter() {
  const chosen = filters[controls.values().filter];
  if (!chosen) return;
  controls.set("side", Math.sqrt(chosen.length));
  setKernel(chosen);
}

// Another size: all ones, divided by their number.
function fitKernel() {
  const count = controls.values().side ** 2;
  setKernel(Array(count).fill(1 / count));
  find("[name=filter]").value = OWN;
}

function listFilters() {
  const names = {
    "vertical edges": text("lessons.convolution.vertical_edges"),
    "horizontal edges": text("lessons.convolution.horizontal_edges"),
    blur: text("lessons.convolution.blur"),
    sharpen: text("lessons.convolution.sharpen"),
    [OWN]: text("lessons.convolution.own"),
  };
  const values = [...Object.keys(filters), OWN];
  find("[name=filter]").replaceChildren(...values.map((value) => new Option(names[value] ?? value, value)));
}

// -- the drawing --

const pad = createPad(find(".pad"), {
  side,
  width: () => 0.09,
  changed: () => request(),
});
createKeyboard(find(".pad"), find(".cursor"), pad, {
  told({ column, row }) {
    const key = pad.drawing ? "lessons.convolution.pen_down" : "lessons.convolution.pen_up";
    find(".place").textContent = text(key, { column, row });
  },
});
find(".clear").addEventListener("click", pad.clear);
onThemeChange(find(".pad"), pad.paint);

// -- what comes of it: black on white; with negative numbers red is above zero, blue below --

function paintNumbers(canvas, rows) {
  const values = rows.flat();
  const reach = Math.max(...values.map(Math.abs)) || 1;
  const signed = Math.min(...values) < -1e-9;
  fill(canvas, rows[0].length, rows.length, (i) => {
    const share = values[i] / reach;
    if (!signed) return GREYS[Math.round(255 * (1 - share))];
    const pale = 255 * (1 - Math.abs(share));
    return share < 0 ? pixel(pale, pale + (255 - pale) * 0.35, 255) : pixel(255, pale, pale);
  });
}

function paintPicture(padding) {
  const pixels = pad.pixels();
  const whole = side + 2 * padding;
  fill(find(".picture"), whole, whole, (i) => {
    const [row, column] = [Math.floor(i / whole) - padding, (i % whole) - padding];
    const outside = row < 0 || column < 0 || row >= side || column >= side;
    return outside ? pixel(205, 214, 245) : GREYS[255 - pixels[row * side + column]];
  });
}

// A frame around cells of the picture or of the result.
function frame(canvas, row, column, cells) {
  const { style } = canvas.parentElement.querySelector(".window");
  const part = (n) => `${(100 * n) / canvas.width}%`;
  Object.assign(style, { left: part(column), top: part(row), width: part(cells), height: part(cells) });
}

// -- one step: the window times the kernel --

function windowAt(row, column) {
  const { stride, padding, side: cells } = controls.values();
  const pixels = pad.pixels();
  return Array.from({ length: cells * cells }, (_, i) => {
    const y = row * stride - padding + Math.floor(i / cells);
    const x = column * stride - padding + (i % cells);
    return y < 0 || x < 0 || y >= side || x >= side ? 0 : pixels[y * side + x] / 255;
  });
}

function matrix(values) {
  const cells = Math.sqrt(values.length);
  const spans = values.map((value) => `<span>${short(Number(value.toFixed(2)))}</span>`);
  return `<div class="cells" style="--side: ${cells}">${spans.join("")}</div>`;
}

function showStep(step) {
  if (answer === null) return;
  const { stride, side: cells } = controls.values();
  const [row, column] = [Math.floor(step / answer.size), step % answer.size];
  frame(find(".picture"), row * stride, column * stride, cells);
  frame(find(".result"), row, column, 1);
  const result = figures(answer.result[row][column]);
  const product = `${matrix(windowAt(row, column))}<b>×</b>${matrix(weights())}`;
  find(".sum").innerHTML = `${product}<b>=</b><span class="total">${result}</span>`;
  const values = { row: row + 1, column: column + 1, result };
  find(".summary").textContent = text("lessons.convolution.summary", values);
}

const player = createPlayer(find(".steps"), { show: showStep });

// A tap on the result goes to that step.
find(".result").addEventListener("pointerdown", ({ currentTarget, offsetX, offsetY }) => {
  if (answer === null) return;
  const cell = (offset) => Math.min(answer.size - 1, Math.floor((offset / currentTarget.clientWidth) * answer.size));
  player.load(answer.size ** 2 - 1, cell(offsetY) * answer.size + cell(offsetX));
});

const { request } = asking(
  () => {
    const { side: cells, stride, padding, pool } = controls.values();
    const picture = toBase64(pad.pixels());
    return { about: "convolution", picture, kernel: weights(), side: cells, stride, padding, pool };
  },
  (newest) => {
    const { side: cells, stride, padding, pool } = controls.values();
    const upperMiddle = Math.floor(newest.size / 3) * newest.size + Math.floor(newest.size / 2);
    const before = answer?.size === newest.size ? player.step : upperMiddle;
    answer = newest;
    const size = (n) => `${n} × ${n}`;
    tell({
      padded: size(side + 2 * padding),
      result_size: size(answer.size),
      pooled_size: size(answer.pooled_size),
    });
    find(".sizes").textContent =
      `⌊(${side} + 2 · ${padding} − ${cells}) / ${stride}⌋ + 1 = ${answer.size},   ⌊${answer.size} / ${pool}⌋ = ${answer.pooled_size}`;
    paintPicture(padding);
    paintNumbers(find(".result"), answer.result);
    paintNumbers(find(".pooled"), answer.pooled);
    player.load(answer.size ** 2 - 1, before);
  },
);

asking(() => ({ about: "filters" }), (known) => {
  ({ side, filters } = known);
  listFilters();
  useFilter();
  pad.restore([{ width: 0.09, points: SEVEN }]);
}).request();
