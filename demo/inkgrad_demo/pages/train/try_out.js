// Trying the model while it trains: a pad, and what the model reads on it now or read at any
// checkpoint of the run.
import { toBase64 } from "../../web/base64.js";
import { createChart } from "../../web/chart.js";
import { SERIES } from "../../web/colors.js";
import { make } from "../../web/elements.js";
import { createKeyboard } from "../../web/keyboard.js";
import { newestOnly } from "../../web/newest.js";
import { createPad } from "../../web/pad.js";
import { line, rule } from "../../web/shapes.js";
import { afterRest } from "../../web/timing.js";

const PEN = 0.07; // its width, of the pad's side
const RETRY = 1000; // milliseconds
const HISTORY_PERIOD = 400; // milliseconds between two requests for the history of a run that trains
const NOTABLE = 0.2; // digits that were never more probable stay out of the history

// createTryOut(page, {drawn}) where drawn(pad) is called when the drawing has changed
export function createTryOut(page, { drawn }) {
  const { find, props, send, text, number, probability } = page;
  const slider = find("#train-time");
  let run = null; // as follow.js knows it
  let atEnd = true; // the slider follows the run
  let read = null; // the last answer
  let history = null; // the last one: {steps, probabilities: [[of each digit], ...]}

  const checkpoints = () => run?.status?.checkpoints ?? [];

  // -- the pad --

  const pad = createPad(find("#train-pad"), {
    side: props.raster_side,
    width: () => PEN,
    changed({ ink, lifted }) {
      find(".try-out").classList.toggle("untouched", pad.empty);
      if (pad.empty) forget();
      else if (ink) reading.request();
      if (lifted) requestHistorySoon();
      drawn(pad);
    },
  });
  createKeyboard(find("#train-pad"), find(".try-out .cursor"), pad);
  find("#train-undo").addEventListener("click", pad.undo);
  find("#train-clear").addEventListener("click", pad.clear);

  function forget() {
    reading.forget();
    read = history = null;
    paint();
  }

  // -- what the model reads --

  const selectedStep = () => (atEnd ? null : (checkpoints()[slider.valueAsNumber] ?? null));
  const hasWeights = () => run?.status && (run.status.complete || checkpoints().length > 0);

  // The answer to a request about the drawing; null where there is nothing to ask.
  async function sendDrawing(name, more = {}) {
    if (pad.empty || !hasWeights() || !run.readsDigits) return null;
    return send(name, { run: run.id, pixels: toBase64(pad.pixels()), ...more });
  }

  const reading = newestOnly(() => sendDrawing("predict", { step: selectedStep() }), {
    answered(answer) {
      read = answer;
      paint();
    },
    failed: () => RETRY,
  });
  const historyReading = newestOnly(() => sendDrawing("history"), {
    answered(answer) {
      history = answer;
      paintHistory();
    },
    failed: () => RETRY,
  });
  const requestHistorySoon = afterRest(120, () => pad.drawing || historyReading.request());

  const bars = Array.from({ length: 10 }, (_, digit) =>
    make("li", {}, [make("i"), make("b", { textContent: digit })]),
  );
  find("#train-bars").append(...bars);

  function paint() {
    find("#train-label").textContent = read?.text || "–";
    bars.forEach((bar, digit) => {
      const share = read?.probabilities[digit] ?? 0;
      bar.style.setProperty("--share", share);
      bar.classList.toggle("winner", read !== null && digit === read.label);
      bar.title = probability(share);
    });
    paintNote();
    paintHistory();
  }

  function note() {
    if (!run?.status) return text("train.try.idle");
    if (!run.readsDigits) return text("train.try.table");
    if (pad.empty) return text("train.try.draw");
    if (read === null || read.kind === "nothing") return "";
    if (read.kind === "other") return text("train.try.other", { nearest: read.nearest });
    return text("train.try.sure", { percent: probability(read.confidence) });
  }

  function paintNote() {
    find("#train-try-out-note").textContent = note();
  }

  // -- going back in time --

  function stepText(step) {
    const { steps, settings } = run.status;
    const epoch = number((step / Math.max(1, steps)) * settings.epochs, 2);
    return text("train.moment", { step: number(step, 0), epoch });
  }

  // A line for each digit that the drawing was taken for, along the checkpoints.
  function historyLines() {
    const probabilities = history?.probabilities ?? [];
    const digits = (probabilities[0] ?? [])
      .map((_, digit) => digit)
      .filter((digit) => probabilities.some((each) => each[digit] > NOTABLE));
    return digits.map((digit, i) =>
      line(
        probabilities.map((each, index) => [index, each[digit]]),
        SERIES[i % SERIES.length],
        { name: String(digit) },
      ),
    );
  }

  const chart = createChart(page, find("#train-history"), {
    height: 150,
    title: () => text("train.history"),
    x: {
      range: () => [0, Math.max(1, checkpoints().length - 1)],
      tick: (index) =>
        Number.isInteger(index) ? (checkpoints()[index]?.toLocaleString(props.value) ?? "") : "",
      read: (index) => stepText(checkpoints()[Math.round(index)] ?? 0),
    },
    y: {
      range: [0, 1],
      tick: (value, decimals) => `${number(100 * value, Math.max(0, decimals - 2))} %`,
      read: (value) => `${number(100 * value, 1)} %`,
    },
    shapes() {
      const last = checkpoints().length - 1;
      if (last < 0) return [];
      return [...historyLines(), rule(atEnd ? last : slider.valueAsNumber, "accent")];
    },
  });

  function paintHistory() {
    chart.repaint();
    find(".scrub").classList.toggle("empty", historyLines().length === 0);
  }

  function paintSlider() {
    const last = Math.max(0, checkpoints().length - 1);
    slider.max = last;
    slider.disabled = last === 0;
    find(".scrub").hidden = last === 0; // weights from a file have no checkpoints
    if (atEnd) slider.value = last;
    const step = selectedStep();
    find("#train-moment").textContent = step === null ? text("train.now") : stepText(step);
  }

  slider.addEventListener("input", () => {
    atEnd = slider.valueAsNumber === Number(slider.max);
    paintSlider();
    paintHistory();
    reading.request();
  });

  find(".try-out").classList.add("untouched");

  let known = 0; // checkpoints that the history has been requested for
  let requested = 0; // when

  return {
    translate() {
      paintSlider();
      paint();
    },
    // The run has moved on.
    advance(followed) {
      run = followed;
      paintSlider();
      const { state, complete } = run.status;
      if (atEnd && (state === "training" || complete)) reading.request();
      const now = performance.now();
      if (known !== checkpoints().length && (complete || now - requested > HISTORY_PERIOD)) {
        known = checkpoints().length;
        requested = now;
        historyReading.request();
      }
      paintNote();
    },
    // Another run is followed from now on.
    begin() {
      run = null;
      atEnd = true;
      known = 0;
      forget();
    },
  };
}
