// The Train page: connects the form, the runs that are followed, the pad and the result.
import { toBase64 } from "../../web/base64.js";
import { ownDrawings } from "../../web/own_drawings.js";
import { createOwnDrawingsPanel } from "../../web/own_drawings_panel.js";
import { createPage } from "../../web/page.js";
import { parameter, watchTab } from "../../web/page_address.js";
import { openPage } from "../../web/tabs.js";
import { createModelDiagram } from "./model_diagram.js";
import { createEarlierRuns } from "./earlier_runs.js";
import { createFirstTime } from "./first_time.js";
import { createFollower } from "./follow.js";
import { createForm } from "./form.js";
import { createResult } from "./result.js";
import { createTryOut } from "./try_out.js";

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, server, find, text, messageText } = page;
  let ids = []; // of the runs that are followed
  let before = []; // of those that were followed when they started
  let pad = null;

  const toAddress = (options) => form.toAddress({ run: ids, before }, options);

  const diagram = createModelDiagram(page);
  const form = createForm(page, {
    changed: () => toAddress(),
    described: diagram.show,
  });
  const firstTime = createFirstTime(page, {
    start() {
      form.setFirst();
      start();
    },
  });
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
  const earlier = createEarlierRuns(page, {
    opened: open,
    labeled: (run, label) => follower.relabel(run, label),
  });
  const follower = createFollower(page, {
    advanced(runs) {
      for (const run of runs)
        run.readsDigits = props.models[run.status.settings.model].reads_digits;
      tryOut.advance(runs);
      result.paint(runs);
      find("#train-compare").hidden = before.length === 0;
      if (!follower.busy) earlier.refresh();
      showStart();
    },
    lost() {
      ids = before = [];
      toAddress();
      form.showError(text("train.lost"));
    },
  });

  function follow(runs, { previous = [], isStep = false } = {}) {
    before = previous;
    ids = runs;
    toAddress({ isStep });
    tryOut.begin();
    result.paint([]);
    follower.follow(runs);
    showStart();
  }

  function open(run) {
    follow([run], { isStep: true });
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
    toAddress();
    find("#train-start").focus();
  });

  find("#train-compare").addEventListener("click", () => {
    const runs = [...before, ...ids];
    const parameters = { compare: runs.join(",") };
    openPage("compare", { parameters, event: "inkgrad:compare", detail: runs });
  });

  const runsInAddress = (name = "run") =>
    parameter(name)?.split(",").filter(Boolean).slice(0, 2) ?? [];

  // The settings in the address may be those of a next run.
  function showWhatTheAddressNames() {
    form.fromAddress();
    const runs = runsInAddress();
    if (runs.join() !== ids.join()) follow(runs, { previous: runsInAddress("before") });
  }

  // Puts what a run was started with into the form.
  async function showSettings(run) {
    const answer = await server.opened({ run }).catch(() => undefined);
    if (!answer || answer.error || !ids.includes(run)) return;
    if (answer.request.drawings) ownDrawings.add(answer.request.drawings, props.most_drawings);
    form.show(answer);
    toAddress();
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
    firstTime.trained();
    follow(answer.runs, { previous: ids, isStep: true });
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
    diagram.translate();
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
  const given = runsInAddress();
  const withDrawings = parameter("with_drawings") === "1";
  follow(given, { previous: runsInAddress("before") });
  if (given.length) showSettings(given[0]).then(() => withDrawings && form.addDrawings());
  watchTab(element, "train", { back: showWhatTheAddressNames, opened: () => toAddress() });
}
