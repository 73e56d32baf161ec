// Watching runs: asks the server how they stand, several times a second, and paints the curves.
//
// createWatch({news, lost}) where
//   news(runs)  is called after every answer, with what is known of each run (see `fresh`)
//   lost()      none of the runs is on the server any more
function createWatch({ news, lost }) {
  const EVERY = 100; // milliseconds between two questions; 1000 where nobody looks
  const COLOURS = {
    fused: { training: "--ink-blue", validation: "--ink-violet" },
    native: { training: "--ink-amber", validation: "--ink-red" },
  };
  let runs = []; // {id, points, stride, progress}
  let told = ""; // what went wrong with the last question, until one succeeds
  let turn = 0; // raised by follow(): answers to earlier questions are of no interest

  function short(value) {
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(0);
    return Number(value.toPrecision(3)).toLocaleString(props.value);
  }
  const axis = () => find("#train-axis input:checked").value;
  const alongEpochs = (value, exact) =>
    exact ? text("train.at_epoch", { epoch: number(value, 2) }) : short(value);
  const alongSeconds = (value, exact) =>
    exact ? text("train.at_seconds", { seconds: number(value, 1) }) : `${short(value)} s`;
  const x = (value, exact) => (axis() === "epoch" ? alongEpochs : alongSeconds)(value, exact);
  const loss = createChart(find("#train-loss"), {
    format: { x, y: (value, exact) => (exact ? number(value, 4) : short(value)) },
  });
  const accuracy = createChart(find("#train-accuracy"), {
    format: { x, y: (value, exact) => `${number(100 * value, exact ? 2 : 0)} %` },
    // The first guesses may lie below the axis: what is learnt later is of more interest.
    limits: (values) => [Math.floor(10 * Math.min(0.9, values[Math.floor(0.08 * values.length)] ?? 0)) / 10, 1],
  });

  const isOver = ({ progress }) => progress?.judged;
  const isEnded = ({ progress }) => ["finished", "stopped", "diverged", "failed"].includes(progress?.phase);

  async function ask(run) {
    const answer = await server.progress({ run: run.id, stride: run.stride, known: run.points.length });
    if (!answer) throw new Error("no answer");
    if (answer.error) return false;
    run.points.length = answer.from;
    for (const point of answer.points) run.points.push(point);
    run.stride = answer.stride;
    run.progress = answer;
    return true;
  }

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function poll() {
    const mine = ++turn;
    while (mine === turn && runs.length && !runs.every(isOver)) {
      try {
        const waiting = runs.filter((run) => !isOver(run));
        const found = await Promise.all(waiting.map(ask));
        if (mine !== turn) return;
        if (found.includes(false)) {
          runs = [];
          paint();
          return lost();
        }
        if (told === text("train.failed")) told = "";
        paint();
        news(runs);
        await pause(document.hidden ? 1000 : EVERY);
      } catch {
        if (mine !== turn) return;
        told = text("train.failed");
        paint();
        await pause(2000);
      }
    }
  }

  // -- painting --

  function named(run, key) {
    const name = text(key);
    return runs.length === 1 ? name : `${text(`train.backend.${run.progress.backend}`)}: ${name}`;
  }

  // [epoch, seconds] along the axis.
  const along = (epoch, seconds) => (axis() === "epoch" ? epoch : seconds);

  function epochPoints(run, value) {
    let seconds = 0;
    return run.progress.epochs.map((each, i) => [along(i + 1, (seconds += each[3])), value(each)]);
  }

  function paintCharts() {
    const known = runs.filter((run) => run.progress);
    const lossSeries = known.flatMap((run) => {
      const colours = COLOURS[run.progress.backend];
      const points = run.points.map(([, epoch, seconds, value]) => [along(epoch, seconds), value]);
      return [
        { name: named(run, "train.loss.training"), colour: colours.training, points },
        {
          name: named(run, "train.loss.validation"), colour: colours.validation, dots: true, width: 2,
          points: epochPoints(run, (each) => each[1]),
        },
      ];
    });
    const accuracySeries = known.map((run) => {
      const glances = run.progress.glances.map((each) => [along(each[1], each[2]), each[3]]);
      const epochs = epochPoints(run, (each) => each[2]);
      return {
        name: named(run, "train.accuracy.validation"), colour: COLOURS[run.progress.backend].validation, width: 2,
        points: [...glances, ...epochs].sort((a, b) => a[0] - b[0]),
      };
    });
    const most = known.some((run) => run.points.length) ? 0 : 1;
    loss.draw({ title: text("train.loss"), series: lossSeries, most });
    accuracy.draw({ title: text("train.accuracy"), series: accuracySeries, most });
  }

  function duration(seconds) {
    const whole = Math.ceil(seconds);
    if (whole < 60) return text("train.seconds", { seconds: whole });
    return text("train.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
  }

  function numbers({ progress }) {
    const values = {
      epoch: Math.min(progress.all_epochs, Math.floor(progress.done / Math.max(1, progress.steps) * progress.all_epochs) + 1),
      epochs: progress.all_epochs, seconds: duration(progress.seconds),
      speed: Math.round(progress.speed).toLocaleString(props.value), left: duration(progress.left ?? 0),
    };
    const parts = progress.steps ? [progress.data, text("train.epoch_of", values)] : [];
    if (progress.phase === "training" && progress.speed) parts.push(text("train.speed", values));
    if (progress.phase === "training" && progress.left !== null) parts.push(text("train.left", values));
    else if (progress.steps) parts.push(text("train.took", values));
    if (isEnded({ progress }) && !progress.judged) parts.push(text("train.judging"));
    const line = parts.join(" · ");
    return runs.length === 1 ? line : `${text(`train.backend.${progress.backend}`)}: ${line || text("train.phase.loading")}`;
  }

  function paintStatus() {
    const known = runs.filter((run) => run.progress);
    find(".train").classList.toggle("idle", runs.length === 0);
    if (known.length === 0) return;
    // Of a race, the one that has most to do.
    const last = known.reduce((one, other) => (isEnded(one) && !isEnded(other) ? other : one));
    const { phase } = last.progress;
    find("#train-phase").textContent = text(`train.phase.${phase}`);
    find("#train-phase").dataset.phase = phase;
    find("#train-numbers").replaceChildren(...known.map((run) => Object.assign(document.createElement("span"), { textContent: numbers(run) })));
    find("#train-progress").value = Math.min(...known.map(shareDone));
    find("#train-pause").textContent = text(phase === "paused" ? "train.go_on" : "train.pause");
    const ended = known.every(isEnded);
    for (const name of ["pause", "stop", "lr-now"]) find(`#train-${name}`).disabled = ended;
    find("#train-message").textContent = told || known.map(warning).find(Boolean) || "";
    if (document.activeElement !== find("#train-lr-now")) find("#train-lr-now").value = last.progress.lr;
  }

  const shareDone = ({ progress: { phase, done, steps } }) =>
    phase === "finished" ? 1 : steps === 0 ? 0 : done / steps;

  function warning({ progress: { phase, message, epochs, lr, data, stand_in: standIn } }) {
    if (phase !== "diverged") return message || (standIn ? text("train.stand_in", { data }) : "");
    const values = { epoch: epochs.length + 1, good: epochs.length, lr };
    return text(epochs.length ? "train.diverged.later" : "train.diverged", values);
  }

  function paint() {
    paintStatus();
    paintCharts();
  }

  // -- steering --

  async function steer(act, more = {}) {
    const answers = await Promise.all(runs.filter((run) => !isEnded(run)).map((run) => server.steer({ run: run.id, act, ...more })));
    const wrong = answers.find((answer) => !answer || answer.error);
    const failed = wrong !== undefined || answers.includes(undefined);
    told = failed ? (wrong?.error ?? text("train.failed")) : "";
    for (const { run, phase } of failed ? [] : answers) {
      const known = runs.find(({ id }) => id === run);
      if (known?.progress) known.progress.phase = phase;
    }
    paint();
  }

  find("#train-pause").addEventListener("click", () => {
    steer(runs.some(({ progress }) => progress?.phase === "paused") ? "go on" : "pause");
  });
  find("#train-stop").addEventListener("click", () => steer("stop"));
  find("#train-lr-now").addEventListener("change", (event) => {
    const [least, most] = props.limits.lr;
    const lr = event.target.valueAsNumber;
    if (lr >= least && lr <= most) return steer("lr", { lr });
    told = badNumber("lr", event.target);
    paintStatus();
  });
  find("#train-axis").addEventListener("change", paintCharts);

  return {
    paint, steer,
    follow(ids) {
      runs = ids.map((id) => ({ id, points: [], stride: 1, progress: null }));
      // Side by side against epochs both backends draw the same line: what differs is the time.
      find(`#train-axis [value=${ids.length > 1 ? "seconds" : "epoch"}]`).checked = true;
      told = "";
      paint();
      poll();
    },
    get runs() { return runs; },
    get busy() { return runs.some((run) => !isEnded(run)); },
  };
}
