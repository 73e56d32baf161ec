// The Train page: connects the form, the runs that are followed, the pad and the result.
import { toBase64 } from "../../web/base64.js";
import { ownDrawings } from "../../web/own_drawings.js";
import { createOwnDrawingsPanel } from "../../web/own_drawings_panel.js";
import { createPage } from "../../web/page.js";
import { openPage } from "../../web/tabs.js";
import { createEarlierRuns } from "./earlier_runs.js";
import { createFollower } from "./follow.js";
import { createForm } from "./form.js";
import { createResult } from "./result.js";
import { createTryOut } from "./try_out.js";

export function mount(gradio) {
  const page = createPage(gradio);
  const { props, server, find, text, messageText } = page;
  let ids = []; // of the runs that are followed
  let before = []; // of those that were followed when they started
  let pad = null;

  const form = createForm(page, { changed: () => form.toAddress(ids) });
  const result = createResult(page);
  const drawings = createOwnDrawingsPanel(page, find("#train-own-drawings"), {
    async picture() {
      const answer = await server.picture({ pixels: toBase64(pad.pixels()) });
      return !answer || answer.error || answer.empty ? null : answer.picture;
    },
    saved() {
      pad.clear();
      find("#train-pad").focus({ preventScroll: true });
    },
    changed: () => form.setDrawings(ownDrawings.all.length),
  });
  const tryOut = createTryOut(page, {
    drawn(on) {
      pad = on;
      drawings.setReady(!pad.empty);
    },
  });
  const earlier = createEarlierRuns(page, { opened: open });
  const follower = createFollower(page, {
    advanced(runs) {
      for (const run of runs)
        run.readsDigits = props.models[run.status.settings.model].reads_digits;
      tryOut.advance(runs[0]);
      result.paint(runs);
      find("#train-compare").hidden = before.length === 0;
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
    before = [];
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

  // From the Draw page: to train a model once more, with the own drawings. {run} or {model}
  addEventListener("inkgrad:retrain", async ({ detail }) => {
    if (detail.run) {
      follow([detail.run]);
      await showSettings(detail.run);
    }
    form.addDrawings(detail.model);
    form.toAddress(ids);
    find("#train-start").focus();
  });

  find("#train-compare").addEventListener("click", () => {
    const runs = [...before, ...ids];
    const parameters = { compare: runs.join(",") };
    openPage("compare", { parameters, event: "inkgrad:compare", detail: runs });
  });

  // Puts what a run was started with into the form.
  async function showSettings(run) {
    const answer = await server.opened({ run }).catch(() => undefined);
    if (!answer || answer.error || !ids.includes(run)) return;
    if (answer.request.drawings) ownDrawings.add(answer.request.drawings, props.most_drawings);
    form.show(answer);
    form.toAddress(ids);
  }

  async function start() {
    const wrong = form.check();
    form.showError(wrong ?? "");
    if (wrong !== null) return;
    if (follower.busy) await follower.steer("stop");
    const answer = await server.start(form.request(ownDrawings.all));
    if (!answer || answer.error) {
      return form.showError(messageText(answer?.error ?? text("train.failed")));
    }
    const previous = ids;
    follow(answer.runs);
    before = previous;
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
    const withDrawings = given.get("with_drawings") === "1";
    showSettings(ids[0]).then(() => withDrawings && form.addDrawings());
  } else form.toAddress([]);
}
