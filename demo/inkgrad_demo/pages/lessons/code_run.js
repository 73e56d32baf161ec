// Code that runs on the server: started, followed and stopped here, with its output and figures.
import { make } from "../../web/elements.js";
import { Refusal } from "../../web/page.js";
import { pause } from "../../web/timing.js";

const PERIOD = 200; // milliseconds between two polls
const RETRY = 2000; // after a poll that failed

// createCodeRun(page, {output, show}) gives {start(request, name), stop, running} where
//   output      the element for what the code prints and draws
//   show(state) is called with the job's state: "starting", "waiting", "running", "stopped",
//               "failed", "gone", or how the code ended: "finished", "raised", "output", "files"
// start promises the verdict, if the server gives one.
export function createCodeRun(page, { output, show }) {
  const { send, text, messageText } = page;
  let job = null;
  let isRunning = false;
  let isToStop = false;

  const clear = () => {
    output.replaceChildren();
    output.hidden = true;
  };

  function printed(words) {
    if (words === "") return;
    output.hidden = false;
    let last = output.lastElementChild;
    if (last?.tagName !== "PRE") {
      last = make("pre", { tabIndex: 0, ariaLabel: text("lessons.page.output") });
      output.append(last);
    }
    const isAtEnd = last.scrollHeight - last.scrollTop - last.clientHeight < 8;
    last.append(words);
    if (isAtEnd) last.scrollTop = last.scrollHeight;
  }

  function drawn(png) {
    output.hidden = false;
    const number = output.querySelectorAll("img").length + 1;
    const alt = text("lessons.page.figure", { number });
    output.append(make("img", { src: `data:image/png;base64,${png}`, alt }));
  }

  async function follow() {
    let after = 0;
    let verdict = null;
    let ended = null; // is reported a little before the state of the job is "done"
    for (;;) {
      const answer = await send("follow_code", { job, after }).catch((error) => {
        if (error instanceof Refusal) throw error;
        return null;
      });
      if (answer === null) {
        await pause(RETRY);
        continue;
      }
      after += answer.events.length;
      for (const event of answer.events) {
        if ("output" in event) printed(event.output);
        if ("figure" in event) drawn(event.figure);
        verdict = event.verdict ?? verdict;
        ended = event.done?.ended ?? ended;
      }
      if (answer.state === "done") {
        show(ended === "failed" ? "raised" : ended);
        return verdict;
      }
      const error = answer.error === null ? "" : messageText(answer.error);
      show(answer.state, { ahead: answer.ahead, error });
      if (!["waiting", "running"].includes(answer.state)) return verdict;
      await pause(PERIOD);
    }
  }

  async function start(name, request) {
    if (isRunning) return null;
    isRunning = true;
    isToStop = false;
    clear();
    show("starting");
    try {
      const answer = await send(name, request);
      if (answer.verdict) {
        show("finished");
        return answer.verdict;
      }
      job = answer.job;
      if (isToStop) stop(); // while it was sent
      return await follow();
    } catch (error) {
      const why = error instanceof Refusal ? error.message : text("lessons.page.unanswered");
      show("failed", { error: why });
      return null;
    } finally {
      job = null;
      isRunning = false;
    }
  }

  function stop() {
    isToStop = true;
    if (job !== null) send("stop_code", { job }).catch(() => undefined);
  }

  return { start, stop, clear };
}

export const isUnderWay = (state) => ["starting", "waiting", "running"].includes(state);
export const isBad = (state) => ["failed", "raised", "output", "files"].includes(state);

const SHOWN_AS = { finished: "done", output: "too_much", files: "too_big" };

export function stateText({ text }, state, { ahead = 0, error = "" } = {}) {
  const known = ["stopped", "gone"].includes(state) || isUnderWay(state) || isBad(state);
  const name = SHOWN_AS[state] ?? (known ? state : "gone");
  return text(`lessons.code.${name}`, { ahead, error });
}
