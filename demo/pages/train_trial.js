// Trying the model while it trains: a pad of one's own, what the model reads in it now or at any moment of the
// run, and one's drawings with their labels, to train on.
//
// createTrial({drawingsChanged}) where drawingsChanged(count) is told how many labelled drawings there are
function createTrial({ drawingsChanged }) {
  const DRAWINGS = "inkgrad-drawings"; // in the browser's storage: [{label, pixels}]
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
      showTeach();
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
  const canAsk = () => run?.progress && run.readsDigits && (run.progress.judged || snapshots().length > 0) && !pad.empty;
  const answerOf = (answer) => {
    if (!answer || answer.error) throw new Error("no answer");
    return answer;
  };

  const reading = newestOnly(
    async () => (canAsk() ? answerOf(await server.try_out({ run: run.id, step: moment(), pixels: toBase64(pad.pixels()) })) : null),
    { answered(answer) { read = answer; paint(); }, failed: () => 1000 },
  );
  const traces = newestOnly(
    async () => (canAsk() ? answerOf(await server.history({ run: run.id, pixels: toBase64(pad.pixels()) })) : null),
    { answered(answer) { trace = answer; paintTrace(); }, failed: () => 1000 },
  );
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
    return text("train.moment", { step: step.toLocaleString(props.value), epoch: number((step / Math.max(1, steps)) * epochs, 2) });
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
    find(".scrub").hidden = last === 0; // of a run of another day there is no past
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

  // -- drawings with labels --

  let drawings = [];
  try {
    drawings = JSON.parse(localStorage.getItem(DRAWINGS)) ?? [];
  } catch {
    // Nothing is stored, or it is not ours, or storage is forbidden: they live as long as the page.
  }
  if (!Array.isArray(drawings)) drawings = [];

  function keepDrawings() {
    try {
      localStorage.setItem(DRAWINGS, JSON.stringify(drawings));
    } catch {
      // As above.
    }
    showDrawings();
  }

  function showDrawings() {
    const counts = Array.from({ length: 10 }, (_, digit) => drawings.filter(({ label }) => label === digit).length);
    find("#train-drawings").textContent = drawings.length
      ? text("train.drawings", { count: drawings.length, counts: counts.map((n, digit) => (n ? `${digit}×${n}` : "")).filter(Boolean).join("  ") })
      : text("train.drawings.none");
    find("#train-forget").hidden = drawings.length === 0;
    drawingsChanged(drawings.length);
  }

  const labels = Array.from({ length: 10 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => teach(digit));
    find("#train-teach").append(button);
    return button;
  });

  function showTeach() {
    for (const button of labels) button.disabled = pad.empty || drawings.length >= props.most_drawings;
  }

  async function teach(label) {
    const answer = await server.picture({ pixels: toBase64(pad.pixels()) });
    if (!answer || answer.error || answer.empty) return;
    drawings.push({ label, pixels: answer.picture });
    keepDrawings();
    pad.clear();
    find("#train-pad").focus({ preventScroll: true });
  }

  find("#train-forget").addEventListener("click", () => {
    drawings = [];
    keepDrawings();
    showTeach();
  });

  function label() {
    labels.forEach((button, digit) => button.setAttribute("aria-label", text("train.teach_digit", { digit })));
    showDrawings();
  }

  find(".trial").classList.add("untouched");
  showTeach();
  new MutationObserver(pad.paint).observe(document.body, { attributeFilter: ["class"] });

  let seen = 0; // snapshots that the history has been asked about

  return {
    get drawings() { return drawings; },
    translate() {
      label();
      paintSlider();
      paint();
    },
    // The run has moved on.
    news(watched) {
      run = watched;
      paintSlider();
      if (atEnd && run.progress.phase === "training") reading.request();
      if (seen !== snapshots().length || run.progress.judged) {
        seen = snapshots().length;
        if (atEnd) reading.request();
        historyLater();
      }
      find("#train-trial-note").textContent = note();
    },
    begin() {
      run = null;
      atEnd = true;
      seen = 0;
      forget();
    },
  };
}
