// Following runs: polls the server several times a second, paints the curves, and steers the runs.
import { make } from "../../web/elements.js";
import { mergeStatus } from "../../web/run_status.js";
import { pause } from "../../web/timing.js";
import { ofBackend } from "./backends.js";
import { numberError } from "./form.js";
import { createLiveCurves } from "./live_curves.js";

const PERIOD = 100; // milliseconds from one poll to the next
const HIDDEN_PERIOD = 1000; // while the tab is in the background
const RETRY = 2000; // after a poll that failed
const ENDED = ["finished", "stopped", "diverged", "failed", "interrupted"];

const isOver = ({ status }) => status?.complete;
const resumable = ({ status }) => status.complete && status.can_resume;
const isEnded = ({ status }) => ENDED.includes(status?.state);

function shareDone({ status: { state, done, steps } }) {
  if (state === "finished") return 1;
  return steps === 0 ? 0 : done / steps;
}

// createFollower(page, {advanced, lost}) where
//   advanced(runs)  is called after every answer, with what is known of each run
//   lost()          none of the runs is on the server any more
export function createFollower(page, { advanced, lost }) {
  const { find, props, server, text, number, dataName, messageText } = page;
  const curves = createLiveCurves(page);
  let runs = []; // {id, status}
  let failure = ""; // of the last request, until one succeeds
  let turn = 0; // raised by follow(): answers to earlier requests no longer matter

  async function update(run) {
    const answer = await server.status({ run: run.id, cursor: run.status?.cursor ?? null });
    if (!answer) throw new Error("no answer");
    if (answer.error) return false;
    run.status = mergeStatus(run.status, answer);
    return true;
  }

  // One poll; returns the milliseconds until the next one.
  async function pollOnce(mine) {
    const start = performance.now();
    try {
      const found = await Promise.all(runs.filter((run) => !isOver(run)).map(update));
      if (mine !== turn) return 0;
      if (found.includes(false)) {
        runs = [];
        failure = "";
        paint();
        lost();
        return 0;
      }
      if (failure === text("train.failed")) failure = "";
      paint();
      advanced(runs);
      return document.hidden ? HIDDEN_PERIOD : Math.max(0, start + PERIOD - performance.now());
    } catch {
      if (mine !== turn) return 0;
      failure = text("train.failed");
      paint();
      return RETRY;
    }
  }

  async function poll() {
    const mine = ++turn;
    while (mine === turn && !runs.every(isOver)) await pause(await pollOnce(mine));
  }

  // -- painting --

  function durationText(seconds) {
    const whole = Math.ceil(seconds);
    if (whole < 60) return text("train.seconds", { seconds: whole });
    return text("train.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
  }

  // "MNIST · epoch 2 of 3 · 9,000 examples/s · 12 s left"
  function statusLine(run) {
    const { status } = run;
    const { state, steps, settings, seconds_left: secondsLeft } = status;
    const values = {
      epoch: Math.min(settings.epochs, (status.epochs.at(-1)?.[4] ?? 0) + 1),
      epochs: settings.epochs,
      seconds: durationText(status.seconds),
      speed: number(status.speed, 0),
      left: durationText(secondsLeft ?? 0),
    };
    const trains = state === "training";
    const parts = steps ? [dataName(status.data), text("train.epoch_of", values)] : [];
    if (trains && status.speed) parts.push(text("train.speed", values));
    if (trains && secondsLeft !== null) parts.push(text("train.left", values));
    else if (steps) parts.push(text("train.took", values));
    if (isEnded(run) && !status.complete) parts.push(text("train.evaluating"));
    const line = parts.join(" · ");
    return runs.length === 1 ? line : ofBackend(page, status, line || text("train.phase.loading"));
  }

  function paintStatus() {
    const known = runs.filter((run) => run.status);
    find(".train").classList.toggle("idle", runs.length === 0);
    find("#train-message").replaceChildren(...messages(known));
    if (known.length === 0) return;
    // In a race, the one that still trains.
    const last = known.find((run) => !isEnded(run)) ?? known[0];
    const { state, lr } = last.status;
    const isUnlearned = state === "finished" && last.status.warnings.length > 0;
    const phase = isUnlearned ? "unlearned" : state;
    find("#train-phase").textContent = text(`train.phase.${phase}`);
    find("#train-phase").dataset.phase = phase;
    const lines = known.map((run) => make("span", { textContent: statusLine(run) }));
    find("#train-numbers").replaceChildren(...lines);
    find("#train-progress").value = Math.min(...known.map(shareDone));
    const canResume = known.some(resumable);
    const resumes = state === "paused" || canResume;
    find("#train-pause").textContent = text(resumes ? "train.resume" : "train.pause");
    for (const name of ["pause", "stop", "lr-now"]) {
      find(`#train-${name}`).disabled = known.every(isEnded);
    }
    if (canResume) find("#train-pause").disabled = false;
    const lrInput = find("#train-lr-now");
    if (document.activeElement !== lrInput) lrInput.value = lr;
  }

  // A paragraph for each thing that is wrong, and for what to try.
  function messages(known) {
    const lines = known.flatMap(({ status }) => [
      warning({ status }),
      ...status.warnings.map(messageText),
      status.problem ? messageText(status.problem) : "",
      status.state === "interrupted" ? text("train.interrupted") : "",
    ]);
    const all = failure ? [failure] : [...new Set(lines)].filter(Boolean);
    return all.map((textContent) => make("p", { textContent }));
  }

  function warning({ status: { state, message, epochs, lr, data, fallback_data: isFallback } }) {
    if (state === "diverged") {
      const good = epochs.at(-1)?.[4] ?? 0;
      const values = { epoch: good + 1, good, lr };
      return text(epochs.length ? "train.diverged.later" : "train.diverged", values);
    }
    const fallback = isFallback ? text("train.fallback_data", { data: dataName(data) }) : "";
    return messageText(message) || fallback;
  }

  function paint() {
    paintStatus();
    curves.paint(runs);
  }

  // -- steering --

  async function steer(action, more = {}) {
    const active = runs.filter((run) => !isEnded(run));
    const answers = await Promise.all(
      active.map(({ id }) => server.steer({ run: id, action, ...more })),
    );
    const isWrong = (answer) => !answer || answer.error;
    const wrong = answers.find(isWrong);
    failure = answers.some(isWrong) ? messageText(wrong?.error ?? text("train.failed")) : "";
    for (const { id, state } of failure ? [] : answers) {
      const steered = runs.find((run) => run.id === id);
      if (steered?.status) steered.status.state = state;
    }
    paint();
  }

  // Goes on with runs that have ended before their time.
  async function resumeEnded(ended) {
    const answers = await Promise.all(ended.map(({ id }) => server.resume({ run: id })));
    const wrong = answers.find((answer) => !answer || answer.error);
    failure = wrong === undefined ? "" : messageText(wrong?.error ?? text("train.failed"));
    for (const run of runs) run.status = null;
    poll();
  }

  find("#train-pause").addEventListener("click", () => {
    const ended = runs.filter((run) => run.status && resumable(run));
    if (ended.length) return resumeEnded(ended);
    steer(runs.some(({ status }) => status?.state === "paused") ? "resume" : "pause");
  });
  find("#train-stop").addEventListener("click", () => steer("stop"));
  find("#train-lr-now").addEventListener("change", ({ target }) => {
    const [min, max] = props.limits.lr;
    const lr = target.valueAsNumber;
    if (lr >= min && lr <= max) return steer("lr", { lr });
    failure = numberError(page, "lr", target);
    paintStatus();
  });

  return {
    paint,
    steer,
    follow(ids) {
      runs = ids.map((id) => ({ id, status: null }));
      // Against epochs both backends draw the same line: they differ in time.
      curves.against(ids.length > 1 ? "seconds" : "epoch");
      failure = "";
      paint();
      poll();
    },
    get runs() {
      return runs;
    },
    get busy() {
      return runs.some((run) => !isEnded(run));
    },
  };
}
