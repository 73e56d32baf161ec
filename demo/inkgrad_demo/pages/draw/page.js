// The Draw page: connects the pad and pictures, the requests to the server and the painting of its
// answers.
import { toBase64 } from "../../web/base64.js";
import { createKeyboard } from "../../web/keyboard.js";
import { newestOnly } from "../../web/newest.js";
import { createPad } from "../../web/pad.js";
import { createPage, Refusal } from "../../web/page.js";
import { afterRest } from "../../web/timing.js";
import { createChoices } from "./choices.js";
import { createFilm } from "./film.js";
import { createFound } from "./found.js";
import { createPictureInput } from "./picture_input.js";
import { createVerdict } from "./verdict.js";

const STORE = "inkgrad-draw"; // drawing and choices, for a reload in the same tab
const RETRY = 2000; // milliseconds

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, send, find, text, translate, scientific } = page;

  const choices = createChoices(page, { changed: choiceChanged });
  const verdict = createVerdict(page);
  const film = createFilm(page, props.picture_side);

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
  let photo = null; // the picture file that was opened, in base64
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
  }

  function paintRace(result) {
    if (result?.gone) return forget(result.model);
    timed = result;
    find(".draw").classList.remove("stale");
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

  const recognize = () =>
    photo === null
      ? send("recognize", request())
      : send("recognize_picture", { image: photo, ...chosen() });

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

  // A failure here shows in the recognition as well.
  const race = newestOnly(() => send("race", request()), {
    answered: paintRace,
    failed: () => RETRY,
  });

  // These wait until the pen has rested: they would slow the recognition down.
  const announceSoon = afterRest(700, () => {
    if (pad.drawing) return;
    const digits = shown.text;
    const sentence = verdict.sentence(shown);
    find("#draw-announcement").textContent = digits ? `${digits}: ${sentence}` : sentence;
  });
  const raceSoon = afterRest(300, () => pad.drawing || photo !== null || race.request());

  // -- the pad --

  const widthInput = find("#draw-width");
  const penWidth = () => widthInput.valueAsNumber / 100;

  const pad = createPad(find("#draw-pad"), {
    side: props.raster_side,
    width: penWidth,
    changed({ ink, lifted }) {
      closePhoto();
      find(".draw").classList.toggle("untouched", pad.empty);
      if (pad.empty) paintEmpty();
      else if (ink) read();
      if (lifted) settle();
    },
  });

  // -- pictures --

  createPictureInput(page, {
    taken(base64) {
      pad.clear(); // closes an earlier picture
      photo = base64;
      find(".draw").classList.remove("untouched");
      recognition.request();
    },
    tooLarge: () => refuse(text("draw.too_large")),
  });

  function closePhoto() {
    photo = null;
    refused = "";
    showNotice();
  }

  // A picture that cannot be read.
  function refuse(message) {
    pad.clear();
    refused = message;
    showNotice();
  }

  createKeyboard(find("#draw-pad"), find(".cursor"), pad, ({ column, row }) => {
    const key = pad.drawing ? "draw.pen_down" : "draw.pen_up";
    find("#draw-place").textContent = text(key, { column, row });
  });

  function paintEmpty() {
    recognition.forget();
    race.forget();
    paintRace(null);
    paint({ ...shown, ...emptyAnswer });
  }

  function read() {
    find(".draw").classList.add("stale"); // until the backends have been compared again
    race.forget();
    recognition.request();
  }

  function settle() {
    announceSoon();
    if (!pad.empty) raceSoon();
    save();
  }

  find("#draw-undo").addEventListener("click", pad.undo);
  find("#draw-clear").addEventListener("click", pad.clear);
  element.addEventListener("keydown", (event) => {
    const isUndo =
      (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
    if (!isUndo) return;
    event.preventDefault();
    pad.undo();
  });

  const showPen = () => find(".draw").style.setProperty("--pen", penWidth());
  widthInput.addEventListener("input", showPen);
  widthInput.addEventListener("change", save);

  function choiceChanged() {
    lost = null;
    paintRace(null);
    recognition.request(); // of an empty drawing too: another model has other layers
    settle();
  }

  // -- from the other pages --

  addEventListener("inkgrad:model", ({ detail }) => {
    choices.add(detail);
    choices.select("model", detail.model);
    choiceChanged();
    openThisPage();
  });

  // An image of a confusion matrix: {side, levels} as strokes.js describes a picture.
  addEventListener("inkgrad:drawing", ({ detail }) => {
    pad.show(detail);
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

  addEventListener("inkgrad:deleted", ({ detail }) => detail.forEach(forget));

  // -- a reload keeps drawing and choices --

  function save() {
    const { model, backend, sent } = choices;
    const state = { strokes: pad.strokes, width: widthInput.value, model, backend, sent };
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
      state.sent.forEach(choices.add);
      choices.select("model", state.model);
      choices.select("backend", state.backend);
      pad.restore(state.strokes);
    } catch {
      // Nothing is stored, or it is of another version.
    }
  }

  // -- start --

  translate();
  choices.showAccuracies();
  restore();
  showPen();
  verdict.paint(shown, selected);
  recognition.request();
  gradio.watch("value", () => {
    translate();
    choices.showAccuracies();
    showNotice();
    paint(shown);
    paintRace(timed);
  });
}
