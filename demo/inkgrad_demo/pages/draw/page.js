// The Draw page: wires the pad, the questions to the server and the painting of its answers.
// Gradio runs this with `element` (the page), `props` and `server` (see draw.py for what is in them).

const NONE = "–"; // the label of an empty drawing

// -- choices --

function addChoices(name, values) {
  for (const value of values) {
    const label = document.createElement("label");
    label.innerHTML =
      `<input type="radio" name="draw-${name}" value="${value}" autocomplete="off">` +
      `<b data-text="draw.${name}.${value}"></b>` +
      `<small data-text="draw.${name}.${value}.note"></small><span class="value"></span>`;
    find(`#draw-${name}`).append(label);
  }
  choose(name, values[0]);
}
const choose = (name, value) => (find(`input[name=draw-${name}][value="${value}"]`).checked = true);
const chosen = (name) => find(`input[name=draw-${name}]:checked`).value;

addChoices("model", props.models);
addChoices("backend", props.backends);
if (props.kernels === null) find("#draw-backend small").dataset.text = "draw.backend.fused.without";

// Models that the Train page sent here: {model, name, note, accuracy}; they stay as long as the tab lives.
const sent = [];

function addSent(one) {
  if (sent.some(({ model }) => model === one.model)) return;
  sent.push(one);
  const label = document.createElement("label");
  label.innerHTML =
    `<input type="radio" name="draw-model" autocomplete="off"><b></b><small></small><span class="value"></span>`;
  label.querySelector("input").value = one.model;
  label.querySelector("b").textContent = one.name;
  label.querySelector("small").textContent = one.note;
  if (one.accuracy !== null) label.querySelector(".value").textContent = `${number(100 * one.accuracy, 2)} %`;
  find("#draw-model").append(label);
}

addEventListener("inkgrad:model", ({ detail }) => {
  addSent(detail);
  choose("model", detail.model);
  find("#draw-model").dispatchEvent(new Event("change"));
  openThisPage();
});

// An image of a confusion matrix: {side, levels} as pad.js knows a picture.
addEventListener("inkgrad:drawing", ({ detail }) => {
  pad.show(detail);
  openThisPage();
  requestAnimationFrame(() => find("#draw-pad").focus({ preventScroll: true })); // once it is shown
});

function openThisPage() {
  document.querySelector('[role="tab"]').click(); // this page is the first
  scrollTo({ top: 0 });
}

// A run that was deleted cannot read any more; where it was chosen, the first model reads in its place.
let missed = null; // the name of the run, until another model is chosen

function forget(model) {
  const index = sent.findIndex((one) => one.model === model);
  if (index === -1) return;
  const [{ name }] = sent.splice(index, 1);
  const input = find(`input[name=draw-model][value="${model}"]`);
  input.closest("label").remove();
  if (input.checked) {
    choose("model", props.models[0]);
    find("#draw-model").dispatchEvent(new Event("change"));
    missed = name;
    showNotice();
  }
  save();
}

addEventListener("inkgrad:deleted", ({ detail }) => detail.forEach(forget));

function showAccuracies() {
  for (const [model, accuracy] of Object.entries(props.accuracies)) {
    const shown = find(`#draw-model label:has([value=${model}]) .value`);
    shown.textContent = accuracy === null ? "" : `${number(100 * accuracy, 2)} %`;
  }
}

// -- painting answers --

const bars = Array.from({ length: 10 }, (_, digit) => {
  const bar = document.createElement("li");
  bar.innerHTML = `<b>${digit}</b><span class="share"></span><i></i>`;
  find("#draw-bars").append(bar);
  return bar;
});

function sentence({ label, probabilities }) {
  if (label === null) return text("draw.empty");
  const values = { percent: percent(probabilities[label]) };
  if (probabilities[label] >= 0.8) return text("draw.sure", values);
  const others = probabilities.map((p, digit) => (digit === label ? -1 : p));
  return text("draw.unsure", { ...values, other: others.indexOf(Math.max(...others)) });
}

function paintVerdict({ label, probabilities }) {
  find("#draw-label").textContent = label ?? NONE;
  find("#draw-sentence").textContent = sentence({ label, probabilities });
  find(".draw").classList.toggle("empty", label === null);
  bars.forEach((bar, digit) => {
    bar.classList.toggle("winner", digit === label);
    bar.style.setProperty("--share", probabilities[digit]);
    bar.querySelector(".share").textContent = percent(probabilities[digit]);
    bar.classList.toggle("nil", probabilities[digit] < 0.0005);
  });
}

function addFrames(layers) {
  const film = find(".film");
  film.querySelectorAll(".layer").forEach((each) => each.remove());
  for (const { name, channels, height, width } of layers) {
    const figure = document.createElement("figure");
    figure.className = "layer";
    figure.innerHTML =
      `<canvas role="img"></canvas>` +
      `<figcaption><b>${name}</b><span>${channels} × ${height} × ${width}</span></figcaption>`;
    film.append(figure);
  }
  if (layers.length === 0) {
    const note = Object.assign(document.createElement("p"), { className: "layer" });
    note.dataset.text = "draw.no_maps";
    film.append(note);
  }
}

function paintFilm({ label, picture, saliency, layers }) {
  const bytes = (encoded, length) => (label === null ? new Uint8Array(length) : fromBase64(encoded));
  const side = props.picture_side;
  const levels = bytes(picture, side * side);
  paintPicture(find("#draw-picture"), levels, side);
  paintSaliency(find("#draw-saliency"), levels, bytes(saliency, side * side), side);
  const canvases = element.querySelectorAll(".layer canvas");
  layers.forEach((layer, i) => {
    const { name, channels, height, width, maps } = layer;
    paintMaps(canvases[i], layer, bytes(maps, channels * height * width));
    canvases[i].setAttribute("aria-label", text("draw.maps_label", { channels, name }));
  });
}

let shown = { model: null, label: null, probabilities: Array(10).fill(0), layers: [] };

function paint(answer) {
  if (answer.model !== shown.model) {
    addFrames(answer.layers);
    translate();
  }
  shown = answer;
  paintVerdict(answer);
  paintFilm(answer);
}

let timed = null;

function paintRace(result) {
  if (result?.gone) return forget(result.model);
  timed = result;
  find(".draw").classList.remove("stale");
  for (const backend of props.backends) {
    find(`#draw-backend label:has([value=${backend}]) .value`).textContent =
      result === null ? "" : `${number(1000 * result.seconds[backend], 2)} ms`;
  }
  find("#draw-race").textContent = result === null ? "" : text("draw.race", {
    passes: result.passes,
    difference: scientific(result.max_difference),
  });
}

// -- asking the server --

const question = () => ({
  pixels: toBase64(pad.pixels()),
  model: chosen("model"),
  backend: chosen("backend"),
});

const RETRY = 2000; // milliseconds
let failing = false; // the server did not answer the last question

const reading = newestOnly(() => server.read(question()), {
  answered(answer) {
    failing = false;
    if (answer.gone) return forget(answer.model);
    showNotice();
    paint(answer);
    if (!pad.drawing) announceSoon();
  },
  failed() {
    failing = true;
    showNotice();
    return RETRY;
  },
});

function showNotice() {
  const instead = { name: missed, model: text(`draw.model.${props.models[0]}`) };
  find("#draw-notice").textContent =
    failing ? text("draw.failed") : missed !== null ? text("draw.gone", instead) : "";
}

// What fails here fails for the reading too, which says so.
const race = newestOnly(() => server.race(question()), { answered: paintRace, failed: () => RETRY });

// What comes once the pen has rested: it would be in the way of reading while one draws.
const announceSoon = afterRest(700, () => {
  find("#draw-announcement").textContent =
    shown.label === null ? text("draw.empty") : `${shown.label}: ${sentence(shown)}`;
});
const raceSoon = afterRest(300, race.request);

function afterRest(milliseconds, act) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => pad.drawing || act(), milliseconds);
  };
}

// -- the pad --

const widthInput = find("#draw-width");
const penWidth = () => widthInput.valueAsNumber / 100;

const pad = createPad(find("#draw-pad"), {
  side: props.raster_side,
  width: penWidth,
  changed({ ink, lifted }) {
    find(".draw").classList.toggle("untouched", pad.empty);
    if (pad.empty) paintEmpty();
    else if (ink) ask();
    if (lifted) settled();
  },
});

createKeyboard(find("#draw-pad"), find(".cursor"), pad, {
  told({ column, row }) {
    find("#draw-place").textContent = text(pad.drawing ? "draw.pen_down" : "draw.pen_up", { column, row });
  },
});

function paintEmpty() {
  reading.forget();
  race.forget();
  paintRace(null);
  paint({ ...shown, label: null, probabilities: Array(10).fill(0) });
}

function ask() {
  find(".draw").classList.add("stale"); // until the next race
  race.forget();
  reading.request();
}

function settled() {
  announceSoon();
  if (!pad.empty) raceSoon();
  save();
}

find("#draw-undo").addEventListener("click", pad.undo);
find("#draw-clear").addEventListener("click", pad.clear);
element.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    pad.undo();
  }
});

function showNib() {
  find(".draw").style.setProperty("--pen", penWidth());
}
widthInput.addEventListener("input", showNib);
widthInput.addEventListener("change", save);

for (const name of ["model", "backend"]) {
  find(`#draw-${name}`).addEventListener("change", () => {
    missed = null;
    paintRace(null);
    reading.request(); // of an empty drawing too: another model has other layers
    settled();
  });
}

// -- a reload keeps drawing and choices, for as long as the tab lives --

const STORE = "inkgrad-draw";

function save() {
  const state = { strokes: pad.strokes, width: widthInput.value, model: chosen("model"), backend: chosen("backend"), sent };
  try {
    sessionStorage.setItem(STORE, JSON.stringify(state));
  } catch {
    // Storage is full or forbidden: then a reload starts afresh.
  }
}

function restore() {
  try {
    const state = JSON.parse(sessionStorage.getItem(STORE));
    widthInput.value = state.width;
    state.sent.forEach(addSent);
    choose("model", state.model);
    choose("backend", state.backend);
    pad.restore(state.strokes);
  } catch {
    // Nothing is stored, or it is not ours.
  }
}

// -- start --

translate();
showAccuracies();
restore();
showNib();
paintVerdict(shown);
reading.request();
watch("value", () => {
  translate();
  showAccuracies();
  showNotice();
  paint(shown);
  paintRace(timed);
});
// The pen's colour is the theme's.
new MutationObserver(pad.paint).observe(document.body, { attributeFilter: ["class"] });
