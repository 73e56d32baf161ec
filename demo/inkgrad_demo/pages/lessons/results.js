// The results of a lesson: computed by the server when the reader comes near them, then shown.
import { pause } from "../../web/timing.js";
import { PARTS } from "./result_parts.js";
import { untilAnswered } from "./retry.js";

const PERIOD = 300; // milliseconds between two polls
const PHONE = "(max-width: 560px)"; // where pictures have their panels one below the other
const NEAR = "400px"; // to the results: they are requested

// createResults(page, article, number, typesetter) gives {request, ready}: request() asks for the results at
// once, `ready` is a promise that resolves when they are shown.
export function createResults(page, article, number, typesetter) {
  const { send, text, messageText, brief } = page;
  const part = (selector) => article.querySelector(selector);
  const language = page.language();
  const [progressText, progressBar] = part(".progress").children;
  let requested = false;
  let setReady = null;
  const ready = new Promise((resolve) => {
    setReady = resolve;
  });

  function showProgress(batch) {
    part(".progress").hidden = false;
    if (batch === null) {
      progressText.textContent = text("lessons.page.computing");
      progressBar.removeAttribute("value");
      return;
    }
    const { epoch, number: step, count } = batch;
    progressText.textContent = text("lessons.page.training", { epoch, step, count });
    progressBar.value = step / count;
  }

  function showFailure(problem) {
    part(".failure").hidden = false;
    part(".failure span").textContent = text("lessons.page.broken", {
      error: messageText(problem),
    });
  }

  function showParts(parts) {
    let before = Promise.resolve(); // pictures are drawn one after the other, from the top
    function load(name) {
      const narrow = matchMedia(PHONE).matches;
      const draw = () => send("picture", { number, name, language, narrow });
      before = before.then(draw, draw);
      return before;
    }
    part(".parts").append(
      ...parts.map((each) => PARTS[each.kind](each, load, { text, brief, typesetter })),
    );
  }

  async function computed() {
    for (;;) {
      const ask = () => send("results", { number, language });
      const answer = await untilAnswered(ask).catch((error) => ({
        state: "failed",
        problem: error.message,
      }));
      if (answer.state !== "computing") return answer;
      showProgress(answer.batch);
      await pause(PERIOD);
    }
  }

  async function request() {
    if (requested) return;
    requested = true;
    part(".failure").hidden = true;
    showProgress(null);
    const answer = await computed();
    part(".progress").hidden = true;
    if (answer.state === "ready") {
      showParts(answer.parts);
      setReady();
    } else {
      showFailure(answer.problem);
      requested = false; // the button requests them again
    }
  }

  part(".failure button").addEventListener("click", request);
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      request();
    },
    { rootMargin: NEAR },
  );
  observer.observe(part(".results"));
  return { request, ready };
}
