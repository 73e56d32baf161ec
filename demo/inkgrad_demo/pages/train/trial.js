// Trying the model while it trains: a pad of one's own, and what the model reads in it now or at any moment of the
// run.
//
// createTrial({drawn}) where drawn(pad) is called when the drawing has changed
function createTrial({ drawn }) {
  const COLOURS = ["--ink-blue", "--ink-amber", "--ink-green", "--ink-red", "--ink-violet", "--ink-pink"];
  const slider = find("#train-time");
  let run = null; // as the watch knows it
  let atEnd = true; // the slider follows the run
  let read = null; // the last answer
  let trace = null; // the last history

  const snapshots = () => run?.progress?.snapshots ?? [];

  // -- the pad --

  const pad = createPad(find("#train-pad"), {
    side: props.raster_side,
    width: () => 0.07,
    changed({ ink, lifted }) {
      find(".trial").classList.toggle("untouched", pad.empty);
      if (pad.empty) forget();
      else if (ink) reading.request();
      if (lifted) historyLater();
      drawn(pad);
    },
  });
  createKeyboard(find("#train-pad"), find(".trial .cursor"), pad, { told() {} });
  find("#train-undo").addEventListener("click", pad.undo);
  find("#train-clear").addEventListener("click", pad.clear);

  function forget() {
    reading.forget();
    read = trace = null;
    paint();
  }

  // -- what the model reads --

  const moment = () => (atEnd ? null : (snapshots()[slider.valueAsNumber] ?? null));
  const hasWeights = () => run?.progress && (run.progress.judged || snapshots().length > 0);

  // The answer to a question about the drawing; null where there is nothing to ask.
  async function about(ask, more = {}) {
    if (pad.empty || !hasWeights() || !run.readsDigits) return null;
    const answer = await ask({ run: run.id, pixels: toBase64(pad.pixels()), ...more });
    if (!answer || answer.error) throw new Error("no answer");
    return answer;
  }

  const RETRY = 1000; // milliseconds
  const reading = newestOnly(() => about(server.try_out, { step: moment() }), {
    answered(answer) {
      read = answer;
      paint();
    },
    failed: () => RETRY,
  });
  const traces = newestOnly(() => about(server.history), {
    answered(answer) {
      trace = answer;
      paintTrace();
    },
    failed: () => RETRY,
  });
  let timer = null;
  function historyLater() {
    clearTimeout(timer);
    timer = setTimeout(() => pad.drawing || traces.request(), 120);
  }

  const bars = Array.from({ length: 10 }, (_, digit) => {
    const bar = document.createElement("li");
    bar.innerHTML = `<i></i><b>${digit}</b>`;
    find("#train-bars").append(bar);
    return bar;
  });

  function paint() {
    find("#train-label").textContent = read?.label ?? "–";
    bars.forEach((bar, digit) => {
      const share = read?.probabilities[digit] ?? 0;
      bar.style.setProperty("--share", share);
      bar.classList.toggle("winner", read !== null && digit === read.label);
      bar.title = percent(share);
    });
    find("#train-trial-note").textContent = note();
    paintTrace();
  }

  function note() {
    if (!run?.progress) return text("train.try.idle");
    if (!run.readsDigits) return text("train.try.table");
    if (pad.empty) return text("train.try.draw");
    if (read === null || read.label === null) return "";
    return text("train.try.sure", { percent: percent(read.probabilities[read.label]) });
  }

  // -- going back in time --

  const chart = createChart(find("#train-history"), {
    tall: 150,
    limits: () => [0, 1],
    format: {
      x: (index, exact) => {
        const step = snapshots()[Math.round(index)];
        return step === undefined ? "" : exact ? momentOf(step) : step.toLocaleString(props.value);
      },
      y: (value, exact) => `${number(100 * value, exact ? 1 : 0)} %`,
    },
  });

  function momentOf(step) {
    const { steps, all_epochs: epochs } = run.progress;
    const epoch = number((step / Math.max(1, steps)) * epochs, 2);
    return text("train.moment", { step: number(step, 0), epoch });
  }

  function paintTrace() {
    const shown = !trace?.steps.length ? [] : trace.probabilities[0].map((_, digit) => digit)
      .filter((digit) => Math.max(...trace.probabilities.map((p) => p[digit])) > 0.2);
    const series = shown.map((digit, i) => ({
      name: String(digit), colour: COLOURS[i % COLOURS.length], width: 2,
      points: trace.probabilities.map((p, index) => [index, p[digit]]),
    }));
    const count = snapshots().length;
    chart.draw({
      title: text("train.history"), series, most: Math.max(1, count - 1),
      mark: count ? (atEnd ? count - 1 : slider.valueAsNumber) : null,
    });
    find(".scrub").classList.toggle("empty", series.length === 0);
  }

  function paintSlider() {
    const last = Math.max(0, snapshots().length - 1);
    slider.max = last;
    slider.disabled = last === 0;
    find(".scrub").hidden = last === 0; // of weights from a file there is no past
    if (atEnd) slider.value = last;
    const step = moment();
    find("#train-moment").textContent = step === null ? text("train.now") : momentOf(step);
  }

  slider.addEventListener("input", () => {
    atEnd = slider.valueAsNumber === Number(slider.max);
    paintSlider();
    paintTrace();
    reading.request();
  });

  find(".trial").classList.add("untouched");
  new MutationObserver(pad.paint).observe(document.body, { attributeFilter: ["class"] });

  const EVERY = 400; // milliseconds between two questions about the history
  let seen = 0; // snapshots that it has been asked about
  let traced = 0; // when

  return {
    pad,
    translate() {
      paintSlider();
      paint();
    },
    // The run has moved on.
    news(watched) {
      run = watched;
      paintSlider();
      const { phase, judged } = run.progress;
      if (atEnd && (phase === "training" || judged)) reading.request();
      const now = performance.now();
      if (seen !== snapshots().length && (judged || now - traced > EVERY)) {
        seen = snapshots().length;
        traced = now;
        traces.request();
      }
      find("#train-trial-note").textContent = note();
    },
    // Another run is watched from now on.
    begin() {
      run = null;
      atEnd = true;
      seen = 0;
      forget();
    },
  };
}
