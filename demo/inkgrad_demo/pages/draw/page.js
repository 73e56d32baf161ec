// The Draw page: connects the pad, the requests to the server and the painting of its answers.
import { toBase64 } from "../../web/base64.js";
import { createKeyboard } from "../../web/keyboard.js";
import { newestOnly } from "../../web/newest.js";
import { createPad } from "../../web/pad.js";
import { createPage } from "../../web/page.js";
import { afterRest } from "../../web/timing.js";
import { createChoices } from "./choices.js";
import { createFilm } from "./film.js";
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

  const emptyAnswer = { label: null, probabilities: Array(10).fill(0) };
  let shown = { model: null, layers: [], ...emptyAnswer };
  let timed = null; // the last comparison of the backends
  let lost = null; // the name of the deleted run whose model was selected

  function paint(answer) {
    shown = answer;
    verdict.paint(answer);
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

  const request = () => ({
    pixels: toBase64(pad.pixels()),
    model: choices.model,
    backend: choices.backend,
  });

  let failing = false; // the server did not answer the last request

  const recognition = newestOnly(() => send("recognize", request()), {
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
    const lostText = lost && text("draw.gone", { name: lost, model: choices.defaultName() });
    find("#draw-notice").textContent = failing ? text("draw.failed") : (lostText ?? "");
  }

  // A failure here shows in the recognition as well.
  const race = newestOnly(() => send("race", request()), {
    answered: paintRace,
    failed: () => RETRY,
  });

  // These wait until the pen has rested: they would slow the recognition down.
  const announceSoon = afterRest(700, () => {
    if (pad.drawing) return;
    const { label } = shown;
    find("#draw-announcement").textContent =
      label === null ? text("draw.empty") : `${label}: ${verdict.sentence(shown)}`;
  });
  const raceSoon = afterRest(300, () => pad.drawing || race.request());

  // -- the pad --

  const widthInput = find("#draw-width");
  const penWidth = () => widthInput.valueAsNumber / 100;

  const pad = createPad(find("#draw-pad"), {
    side: props.raster_side,
    width: penWidth,
    changed({ ink, lifted }) {
      find(".draw").classList.toggle("untouched", pad.empty);
      if (pad.empty) paintEmpty();
      else if (ink) read();
      if (lifted) settle();
    },
  });

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
  verdict.paint(shown);
  recognition.request();
  gradio.watch("value", () => {
    translate();
    choices.showAccuracies();
    showNotice();
    paint(shown);
    paintRace(timed);
  });
}
