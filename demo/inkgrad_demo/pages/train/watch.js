// Watching runs: asks the server how they stand, several times a second, and paints the curves.
//
// createWatch({news, lost}) where
//   news(runs)  is called after every answer, with what is known of each run
//   lost()      none of the runs is on the server any more
function createWatch({ news, lost }) {
  const EVERY = 100; // milliseconds from one question to the next one; 1000 where nobody looks
  const curves = createCurves();
  let runs = []; // {id, status}
  let told = ""; // what went wrong with the last question, until one succeeds
  let turn = 0; // raised by follow(): answers to earlier questions are of no interest

  const isOver = ({ status }) => status?.complete;
  const isEnded = ({ status }) => ["finished", "stopped", "diverged", "failed"].includes(status?.state);

  async function ask(run) {
    const answer = await server.status({ run: run.id, cursor: run.status?.cursor ?? null });
    if (!answer) throw new Error("no answer");
    if (answer.error) return false;
    run.status = mergeStatus(run.status, answer);
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

  function numbers({ status }) {
    const values = {
      epoch: Math.min(status.settings.epochs, status.epochs.length + 1),
      epochs: status.settings.epochs,
      seconds: duration(status.seconds),
      speed: number(status.speed, 0),
      left: duration(status.seconds_left ?? 0),
    };
    const parts = status.steps ? [dataName(status.data), text("train.epoch_of", values)] : [];
    if (status.state === "training" && status.speed) parts.push(text("train.speed", values));
    if (status.state === "training" && status.seconds_left !== null) parts.push(text("train.left", values));
    else if (status.steps) parts.push(text("train.took", values));
    if (isEnded({ status }) && !status.complete) parts.push(text("train.judging"));
    const line = parts.join(" · ");
    if (runs.length === 1) return line;
    return ofBackend(status, line || text("train.phase.loading"));
  }

  function paintStatus() {
    const known = runs.filter((run) => run.status);
    find(".train").classList.toggle("idle", runs.length === 0);
    if (known.length === 0) return;
    // Of a race, the one that has most to do.
    const last = known.reduce((one, other) => (isEnded(one) && !isEnded(other) ? other : one));
    const { state } = last.status;
    find("#train-phase").textContent = text(`train.phase.${state}`);
    find("#train-phase").dataset.phase = state;
    const lines = known.map((run) => Object.assign(document.createElement("span"), { textContent: numbers(run) }));
    find("#train-numbers").replaceChildren(...lines);
    find("#train-progress").value = Math.min(...known.map(shareDone));
    find("#train-pause").textContent = text(state === "paused" ? "train.go_on" : "train.pause");
    const ended = known.every(isEnded);
    for (const name of ["pause", "stop", "lr-now"]) find(`#train-${name}`).disabled = ended;
    find("#train-message").textContent = told || known.map(warning).find(Boolean) || "";
    if (document.activeElement !== find("#train-lr-now")) find("#train-lr-now").value = last.status.lr;
  }

  const shareDone = ({ status: { state, done, steps } }) =>
    state === "finished" ? 1 : steps === 0 ? 0 : done / steps;

  function warning({ status: { state, message, epochs, lr, data, fallback_data: isFallback } }) {
    if (state !== "diverged") return said(message) || (isFallback ? text("train.stand_in", { data: dataName(data) }) : "");
    const values = { epoch: epochs.length + 1, good: epochs.length, lr };
    return text(epochs.length ? "train.diverged.later" : "train.diverged", values);
  }

  function paint() {
    paintStatus();
    curves.paint(runs);
  }

  // -- steering --

  async function steer(action, more = {}) {
    const active = runs.filter((run) => !isEnded(run));
    const answers = await Promise.all(active.map(({ id }) => server.steer({ run: id, action, ...more })));
    const wrong = answers.find((answer) => !answer || answer.error);
    const failed = wrong !== undefined || answers.includes(undefined);
    told = failed ? said(wrong?.error ?? text("train.failed")) : "";
    for (const { id: run, state } of failed ? [] : answers) {
      const known = runs.find(({ id }) => id === run);
      if (known?.status) known.status.state = state;
    }
    paint();
  }

  find("#train-pause").addEventListener("click", () => {
    steer(runs.some(({ status }) => status?.state === "paused") ? "resume" : "pause");
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
      runs = ids.map((id) => ({ id, status: null }));
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
