// A job of the server that one starts, follows and stops: a check of the kernels, or a benchmark.
//
// createJob(box, name, {question, begun, told, status, ended, settled}) where
//   box         the element with the buttons, the status, the bar and the place for trouble
//   name        the server function start_NAME takes the question
//   question()  what to ask; null (having said why) if it cannot be asked
//   begun(question)  is called when the job has been taken
//   told(event)      for everything that the job has to tell
//   status()         {text, share}: how far the running job is, in words and from 0 to 1
//   ended()          if given, is called when it is over, however it ended
//   settled()        likewise after the words on a job that is done have been set: may set better ones
// A reload of the page comes back to a job under way. Closing the page lets it run to its end.
function createJob(box, name, { question, begun, told, status, ended = () => {}, settled = () => {} }) {
  const STORE = `inkgrad-job-${name}`;
  const PERIOD = 250; // milliseconds between two looks at it
  const RETRY = 2000;
  const part = (selector) => box.querySelector(selector);
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  let job = null; // its id
  let state = null;
  let ahead = 0;
  let why = null;

  const underWay = () => job !== null;

  function show() {
    part(".start").disabled = underWay();
    part(".stop").disabled = !underWay();
    box.classList.toggle("running", state === "running");
    const { text: progress, share } = status();
    part(".status").textContent = {
      starting: () => text("kernels.job.starting"),
      waiting: () => text("kernels.job.waiting", { ahead }),
      running: () => progress,
      done: () => text("kernels.job.done"),
      stopped: () => text("kernels.job.stopped"),
      failed: () => text("kernels.job.failed", { why: said(why) }),
      gone: () => text("kernels.job.gone"),
    }[state]?.() ?? "";
    box.style.setProperty("--share", state === null ? 0 : share);
    if (state === "done") settled();
  }

  function complain(words) {
    part(".trouble").textContent = words;
  }

  async function start() {
    complain("");
    const asked = question();
    if (asked === null) return;
    state = "starting";
    show();
    part(".start").disabled = true; // one at a time
    const answer = await server[`start_${name}`](asked).catch(() => undefined);
    if (answer?.job) {
      sessionStorage.setItem(STORE, JSON.stringify({ job: answer.job, asked }));
      follow(answer.job, asked);
    } else {
      state = null;
      show();
      complain(answer?.error ? said(answer.error) : text("kernels.job.unanswered"));
    }
  }

  async function follow(id, asked) {
    [job, state, ahead, why] = [id, "starting", 0, null];
    begun(asked);
    show();
    let after = 0;
    for (;;) {
      const answer = await server.poll({ job, after }).catch(() => undefined);
      complain(answer ? "" : text("kernels.job.unanswered"));
      if (answer) {
        ({ state, ahead, error: why } = answer);
        after += answer.events.length;
        answer.events.forEach(told);
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
    get underWay() { return underWay(); },
    resume() {
      const stored = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
      if (stored) follow(stored.job, stored.asked);
      else show();
    },
  };
}
