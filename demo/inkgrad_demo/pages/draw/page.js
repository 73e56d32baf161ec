// The Draw page: connects the pad and pictures, the requests to the server and the painting of its
// answers.
import { toBase64 } from "../../web/base64.js";
import { createKeyboard } from "../../web/keyboard.js";
import { newestOnly } from "../../web/newest.js";
import { ownDrawings } from "../../web/own_drawings.js";
import { createOwnDrawingsPanel } from "../../web/own_drawings_panel.js";
import { createPad } from "../../web/pad.js";
import { createPadTools } from "../../web/pad_tools.js";
import { createPage, Refusal } from "../../web/page.js";
import { openPage } from "../../web/tabs.js";
import { afterRest } from "../../web/timing.js";
import { createChoices } from "./choices.js";
import { createFilm } from "./film.js";
import { createFound } from "./found.js";
import { createOpenedMap } from "./opened_map.js";
import { createPictureInput } from "./picture_input.js";
import { createVerdict } from "./verdict.js";

const STORE = "inkgrad-draw"; // drawing and choices, for a reload in the same tab
const RETRY = 2000; // milliseconds

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, send, find, findAll, text, translate, scientific } = page;

  const choices = createChoices(page, { changed: choiceChanged });
  const verdict = createVerdict(page);
  const openedMap = createOpenedMap(page, {
    side: props.picture_side,
    chosen: () => ({ model: choices.model, backend: choices.backend }),
  });
  const film = createFilm(page, props.picture_side, { opened: openedMap.open });

  // -- painting answers --

  const emptyAnswer = {
    kind: "nothing",
    label: null,
    text: "",
    probabilities: Array(10).fill(0),
    digits: [],
    confidence: 0,
    preview: undefined,
    aspect: undefined,
  };
  let shown = { model: null, layers: [], ...emptyAnswer };
  let selected = 0; // the digit of a number whose probabilities are shown
  let timed = null; // the last comparison of the backends
  let lost = null; // the name of the deleted run whose model was selected
  let refused = ""; // why a picture file could not be read

  const found = createFound(page, {
    chosen(index) {
      selected = index;
      verdict.paint(shown, selected);
      found.paint(shown, selected);
    },
  });

  function paint(answer) {
    shown = answer;
    selected = Math.max(0, answer.digits.length - 1); // the last, which the film shows
    verdict.paint(answer, selected);
    found.paint(answer, selected);
    film.paint(answer);
    openedMap.answered(answer);
    drawings.setReady(isLabelable());
    paintOrigin();
  }

  function paintRace(result) {
    if (result?.gone) return forget(result.model);
    timed = result;
    choices.showTimes(result?.seconds ?? null);
    const values = result && {
      passes: result.passes,
      difference: scientific(result.max_difference),
    };
    find("#draw-race").textContent = result === null ? "" : text("draw.race", values);
  }

  // -- requests --

  const chosen = () => ({ model: choices.model, backend: choices.backend });
  const request = () => ({ pixels: toBase64(pad.pixels()), ...chosen() });

  let failing = false; // the server did not answer the last request

  // The picture file that was opened, in base64; null if there is none.
  const photo = () => pad.strokes.at(-1)?.photo ?? null;

  // The image, {side, levels, ...}, that the pad shows as it is; null if there is more or less on it.
  function image() {
    const [first, ...others] = pad.strokes;
    return first?.levels && first.side === props.picture_side && !others.length ? first : null;
  }

  function recognize() {
    if (photo() !== null) return send("recognize_picture", { image: photo(), ...chosen() });
    if (image()) return send("recognize_image", { picture: image().levels, ...chosen() });
    return send("recognize", request());
  }

  const recognition = newestOnly(recognize, {
    answered(answer) {
      failing = false;
      if (answer.gone) return forget(answer.model);
      showNotice();
      paint(answer);
      if (!pad.drawing) announceSoon();
    },
    failed(error) {
      if (error instanceof Refusal) {
        refuse(error.message);
        return null;
      }
      failing = true;
      showNotice();
      return RETRY;
    },
  });

  function showNotice() {
    const lostText = lost && text("draw.gone", { name: lost, model: choices.defaultName() });
    find("#draw-notice").textContent = failing ? text("draw.failed") : lostText || refused;
  }

  // Only the button starts it, because it takes as long as many recognitions. If the server fails, the
  // recognition fails too, and says so.
  const race = newestOnly(() => send("race", request()), {
    answered: paintRace,
    failed: () => RETRY,
  });

  // Not while the pen moves: that would be too much to listen to.
  const announceSoon = afterRest(700, () => {
    if (pad.drawing) return;
    const digits = shown.text;
    const sentence = verdict.sentence(shown);
    find("#draw-announcement").textContent = digits ? `${digits}: ${sentence}` : sentence;
  });

  // -- the pad --

  const widthInput = find("#draw-width");
  const penWidth = () => widthInput.valueAsNumber / 100;

  const pad = createPad(find("#draw-pad"), {
    side: props.raster_side,
    width: penWidth,
    changed({ ink, lifted }) {
      refused = "";
      showNotice();
      tools.update();
      find(".draw").classList.toggle("untouched", pad.empty);
      find("#draw-race-start").disabled = pad.empty || photo() !== null;
      if (pad.empty) paintEmpty();
      else if (ink) read();
      if (lifted) settle();
    },
  });

  const tools = createPadTools(
    element,
    { undo: find("#draw-undo"), redo: find("#draw-redo"), clear: find("#draw-clear") },
    pad,
  );

  // -- pictures --

  createPictureInput(page, {
    taken: (base64) => pad.show({ photo: base64 }),
    tooLarge: () => refuse(text("draw.too_large")),
  });

  // A picture that cannot be read.
  function refuse(message) {
    if (photo() !== null) pad.withdraw();
    refused = message;
    showNotice();
  }

  createKeyboard(find("#draw-pad"), find(".cursor"), pad, ({ column, row }) => {
    const key = pad.drawing ? "draw.pen_down" : "draw.pen_up";
    find("#draw-place").textContent = text(key, { column, row });
  });

  function paintEmpty() {
    recognition.forget();
    forgetRace();
    paint({ ...shown, ...emptyAnswer });
  }

  function read() {
    forgetRace();
    recognition.request();
  }

  function settle() {
    announceSoon();
    save();
  }

  // The times of another drawing.
  function forgetRace() {
    race.forget();
    if (timed !== null) paintRace(null);
  }

  find("#draw-race-start").addEventListener("click", race.request);
  const showPen = () => find(".draw").style.setProperty("--pen", penWidth());
  widthInput.addEventListener("input", showPen);
  widthInput.addEventListener("change", save);

  function choiceChanged() {
    lost = null;
    forgetRace();
    recognition.request(); // of an empty drawing too: another model has other layers
    settle();
  }

  // -- own drawings --

  const drawings = createOwnDrawingsPanel(page, find("#draw-own-drawings"), {
    picture: async () => (isLabelable() ? shown.picture : null),
    saved() {},
    changed: paintOrigin,
  });

  const isLabelable = () => shown.kind === "digit" || shown.kind === "other";

  // Where the image on the pad comes from, and what can be done with it.
  function paintOrigin() {
    const { label, prediction, reader } = image() ?? {};
    const count = ownDrawings.all.length;
    find("#draw-origin").hidden = label === undefined;
    if (label !== undefined) {
      const values = { label, prediction, name: reader };
      find("#draw-origin p").textContent = text("draw.origin", values);
      const isKept = ownDrawings.all.some(
        (one) => one.label === label && one.pixels === image().levels,
      );
      find("#draw-origin-add").ariaDisabled = isKept;
      find("#draw-origin-add").textContent = text(
        isKept ? "draw.origin.added" : "draw.origin.add",
        values,
      );
    }
    for (const each of findAll(".to-train")) {
      each.hidden = count === 0;
      each.textContent = text("draw.to_train", { count });
    }
  }

  find("#draw-origin-add").addEventListener("click", () => {
    const { label, levels } = image();
    ownDrawings.add([{ label, pixels: levels }], props.most_drawings);
  });
  for (const each of findAll(".to-train")) {
    each.addEventListener("click", () => {
      const { model } = choices;
      const detail = props.models.includes(model) ? { model } : { run: model };
      openPage("train", {
        parameters: { ...detail, with_drawings: "1" },
        event: "inkgrad:retrain",
        detail,
      });
    });
  }

  // -- from the other pages --

  addEventListener("inkgrad:model", ({ detail }) => {
    choices.add(detail);
    choices.select("model", detail.model);
    choiceChanged();
    openThisPage();
  });

  // An image of a confusion matrix: {side, levels} as strokes.js describes a picture, its label, the
  // prediction, and the model that made it.
  addEventListener("inkgrad:drawing", ({ detail: { reader, ...shownImage } }) => {
    if (reader) {
      choices.add(reader);
      choices.select("model", reader.model);
      lost = null;
    }
    pad.show({ ...shownImage, reader: reader?.name });
    openThisPage();
    requestAnimationFrame(() => find("#draw-pad").focus({ preventScroll: true })); // once it shows
  });

  function openThisPage() {
    document.querySelector('[role="tab"]').click(); // this page is the first
    scrollTo({ top: 0 });
  }

  // The model of a deleted run.
  function forget(model) {
    const removed = choices.remove(model);
    if (removed === null) return;
    if (removed.wasSelected) {
      choiceChanged();
      lost = removed.name;
      showNotice();
    }
    save();
  }

  // From the Compare page: runs that were deleted, or restored.
  addEventListener("inkgrad:deleted", ({ detail }) => detail.forEach(forget));
  addEventListener("inkgrad:restored", ({ detail }) => {
    if (detail.map(choices.restore).includes(true)) choiceChanged();
    save();
  });

  // -- a reload keeps drawing and choices --

  function save() {
    const strokes = photo() === null ? pad.strokes : []; // a file may be too large to keep
    const state = { strokes, width: widthInput.value, ...choices.state() };
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
      choices.setState(state);
      pad.restore(state.strokes);
    } catch {
      // Nothing is stored, or it is of another version.
    }
  }

  // -- start --

  translate();
  choices.showAccuracies();
  restore();
  tools.update();
  drawings.paint();
  showPen();
  verdict.paint(shown, selected);
  recognition.request();
  gradio.watch("value", () => {
    translate();
    choices.showAccuracies();
    showNotice();
    paint(shown);
    openedMap.translate();
    drawings.paint();
    paintRace(timed);
  });
}
