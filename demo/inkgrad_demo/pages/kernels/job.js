// A job of the server that is started, followed and stopped here: a check or a benchmark. A reload
// of the page comes back to it. Closing the page lets it run to its end.
import { pause } from "../../web/timing.js";

const PERIOD = 250; // milliseconds between two polls
const RETRY = 2000; // after a poll that failed

// createJob(page, box, name, {request, begun, received, status, ended, settled}) where
//   box        the element with the buttons, the status, the bar and the place for errors
//   name       the server function start_NAME takes the request
//   request()  what to send; null (having said why) if it cannot be sent
//   begun(request)   is called when the job has been accepted
//   received(event)  for everything that the job reports
//   status()   {text, share}: the progress of the running job, in words and from 0 to 1
//   ended()    if given, is called when it is over, however it ended
//   settled()  if given, is called after the status of a finished job is shown: may show a better one
export function createJob({ server, text, messageText }, box, name, callbacks) {
  const { request, begun, received, status, ended = () => {}, settled = () => {} } = callbacks;
  const STORE = `inkgrad-job-${name}`;
  const part = (selector) => box.querySelector(selector);
  let job = null; // its id
  let state = null;
  let ahead = 0;
  let error = null;

  const isUnderWay = () => job !== null;

  function stateText(progress) {
    const words = {
      starting: () => text("kernels.job.starting"),
      waiting: () => text("kernels.job.waiting", { ahead }),
      running: () => progress,
      done: () => text("kernels.job.done"),
      stopped: () => text("kernels.job.stopped"),
      failed: () => text("kernels.job.failed", { why: messageText(error) }),
      gone: () => text("kernels.job.gone"),
    };
    return words[state]?.() ?? "";
  }

  function show() {
    part(".start").disabled = isUnderWay();
    part(".stop").disabled = !isUnderWay();
    box.classList.toggle("running", state === "running");
    const { text: progress, share } = status();
    part(".status").textContent = stateText(progress);
    box.style.setProperty("--share", state === null ? 0 : share);
    if (state === "done") settled();
  }

  function showProblem(words) {
    part(".trouble").textContent = words;
  }

  async function start() {
    showProblem("");
    const sent = request();
    if (sent === null) return;
    state = "starting";
    show();
    part(".start").disabled = true; // one at a time
    const answer = await server[`start_${name}`](sent).catch(() => undefined);
    if (answer?.job) {
      sessionStorage.setItem(STORE, JSON.stringify({ job: answer.job, request: sent }));
      follow(answer.job, sent);
    } else {
      state = null;
      show();
      showProblem(answer?.error ? messageText(answer.error) : text("kernels.job.unanswered"));
    }
  }

  async function follow(id, sent) {
    [job, state, ahead, error] = [id, "starting", 0, null];
    begun(sent);
    show();
    let after = 0;
    for (;;) {
      const answer = await server.poll({ job, after }).catch(() => undefined);
      showProblem(answer ? "" : text("kernels.job.unanswered"));
      if (answer) {
        ({ state, ahead, error } = answer);
        after += answer.events.length;
        answer.events.forEach(received);
        if (!["waiting", "running"].includes(state)) break;
        show();
      }
      await pause(answer ? PERIOD : RETRY);
    }
    job = null;
    sessionStorage.removeItem(STORE);
    ended();
    show();
  }

  part(".start").addEventListener("click", start);
  part(".stop").addEventListener("click", () => server.stop({ job }).catch(() => undefined));

  return {
    show,
    resume() {
      const stored = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
      if (stored?.request) follow(stored.job, stored.request);
      else show();
    },
  };
}
