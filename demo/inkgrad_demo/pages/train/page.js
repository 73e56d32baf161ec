// The Train page: connects the form, the runs that are followed, the pad and the result.
import { createPage } from "../../web/page.js";
import { createEarlierRuns } from "./earlier_runs.js";
import { createFollower } from "./follow.js";
import { createForm } from "./form.js";
import { createOwnDrawings } from "./own_drawings.js";
import { createResult } from "./result.js";
import { createTryOut } from "./try_out.js";

export function mount(gradio) {
  const page = createPage(gradio);
  const { props, server, find, text, messageText } = page;
  let ids = []; // of the runs that are followed

  const form = createForm(page, { changed: () => form.toAddress(ids) });
  const result = createResult(page);
  const drawings = createOwnDrawings(page, { changed: (count) => form.setDrawings(count) });
  const tryOut = createTryOut(page, { drawn: drawings.drawn });
  const earlier = createEarlierRuns(page, { opened: open });
  const follower = createFollower(page, {
    advanced(runs) {
      for (const run of runs)
        run.readsDigits = props.models[run.status.settings.model].reads_digits;
      tryOut.advance(runs[0]);
      result.paint(runs);
      if (!follower.busy) earlier.refresh();
      showStart();
    },
    lost() {
      ids = [];
      form.toAddress(ids);
      form.showError(text("train.lost"));
    },
  });

  function follow(runs) {
    ids = runs;
    form.toAddress(ids);
    tryOut.begin();
    result.paint([]);
    follower.follow(runs);
  }

  function open(run) {
    follow([run]);
    showSettings(run);
    find(".watch").scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  // From the Compare page.
  addEventListener("inkgrad:run", ({ detail }) => open(detail));

  // Puts what a run was started with into the form.
  async function showSettings(run) {
    const answer = await server.opened({ run }).catch(() => undefined);
    if (!answer || answer.error || !ids.includes(run)) return;
    if (answer.request.drawings) drawings.borrow(answer.request.drawings);
    form.show(answer);
    form.toAddress(ids);
  }

  async function start() {
    const wrong = form.check();
    form.showError(wrong ?? "");
    if (wrong !== null) return;
    if (follower.busy) await follower.steer("stop");
    const answer = await server.start(form.request(drawings.all));
    if (!answer || answer.error) {
      return form.showError(messageText(answer?.error ?? text("train.failed")));
    }
    follow(answer.runs);
    // On a phone the curves are far below the button.
    const { top } = find(".watch").getBoundingClientRect();
    if (top > innerHeight / 2) find(".watch").scrollIntoView({ behavior: "smooth" });
  }

  find("#train-form").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });

  function showStart() {
    find("#train-start").textContent = text(follower.busy ? "train.start_anew" : "train.start");
  }

  function translate() {
    page.translate();
    form.translate();
    drawings.paint();
    tryOut.translate();
    follower.paint();
    result.paint(follower.runs);
    earlier.paint();
    showStart();
  }

  translate();
  earlier.refresh();
  gradio.watch("value", translate);
  const given = new URLSearchParams(location.search);
  if (given.get("run")) {
    follow(given.get("run").split(",").slice(0, 2));
    showSettings(ids[0]);
  } else form.toAddress([]);
}
