// Watching runs: asks the server how they stand, several times a second, and paints the curves.
//
// createWatch({news, lost}) where
//   news(runs)  is called after every answer, with what is known of each run
//   lost()      none of the runs is on the server any more
function createWatch({ news, lost }) {
  const EVERY = 100; // milliseconds from one question to the next one; 1000 where nobody looks
  const curves = createCurves();
  let runs = []; // {id, points, stride, progress}
  let told = ""; // what went wrong with the last question, until one succeeds
  let turn = 0; // raised by follow(): answers to earlier questions are of no interest

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
      const asked = performance.now();
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
        await pause(document.hidden ? 1000 : Math.max(0, asked + EVERY - performance.now()));
      } catch {
        if (mine !== turn) return;
        told = text("train.failed");
        paint();
        await pause(2000);
      }
    }
  }

  // -- painting --

  function duration(seconds) {
    const whole = Math.ceil(seconds);
    if (whole < 60) return text("train.seconds", { seconds: whole });
    return text("train.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
  }

  function numbers({ progress }) {
    const values = {
      epoch: Math.min(progress.all_epochs, progress.epochs.length + 1),
      epochs: progress.all_epochs,
      seconds: duration(progress.seconds),
      speed: number(progress.speed, 0),
      left: duration(progress.left ?? 0),
    };
    const parts = progress.steps ? [dataName(progress.data), text("train.epoch_of", values)] : [];
    if (progress.phase === "training" && progress.speed) parts.push(text("train.speed", values));
    if (progress.phase === "training" && progress.left !== null) parts.push(text("train.left", values));
    else if (progress.steps) parts.push(text("train.took", values));
    if (isEnded({ progress }) && !progress.judged) parts.push(text("train.judging"));
    const line = parts.join(" · ");
    if (runs.length === 1) return line;
    return ofBackend(progress, line || text("train.phase.loading"));
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
    const lines = known.map((run) => Object.assign(document.createElement("span"), { textContent: numbers(run) }));
    find("#train-numbers").replaceChildren(...lines);
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
    if (phase !== "diverged") return said(message) || (standIn ? text("train.stand_in", { data: dataName(data) }) : "");
    const values = { epoch: epochs.length + 1, good: epochs.length, lr };
    return text(epochs.length ? "train.diverged.later" : "train.diverged", values);
  }

  function paint() {
    paintStatus();
    curves.paint(runs);
  }

  // -- steering --

  async function steer(act, more = {}) {
    const active = runs.filter((run) => !isEnded(run));
    const answers = await Promise.all(active.map(({ id }) => server.steer({ run: id, act, ...more })));
    const wrong = answers.find((answer) => !answer || answer.error);
    const failed = wrong !== undefined || answers.includes(undefined);
    told = failed ? said(wrong?.error ?? text("train.failed")) : "";
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

  return {
    paint, steer,
    follow(ids) {
      runs = ids.map((id) => ({ id, points: [], stride: 1, progress: null }));
      // Side by side against epochs both backends draw the same line: what differs is the time.
      curves.along(ids.length > 1 ? "seconds" : "epoch");
      told = "";
      paint();
      poll();
    },
    get runs() { return runs; },
    get busy() { return runs.some((run) => !isEnded(run)); },
  };
}
