// The Train page: wires the form, the run that is watched, the pad and the result.
// Gradio runs this with `element` (the page), `props` and `server` (see train.py for what is in them).

let following = []; // the ids of the runs that are watched

const form = createForm({ changed: () => form.toAddress(following) });
const result = createResult();
const teach = createTeach({ changed: (count) => form.tellDrawings(count) });
const trial = createTrial({ drawn: teach.drawn });
let unknown = false; // the settings of the run that is followed are not in the form yet
const earlier = createEarlier({
  opened(run) {
    follow([run]);
    unknown = true;
    find(".watch").scrollIntoView({ block: "nearest", behavior: "smooth" });
  },
});
const watching = createWatch({
  news(runs) {
    for (const run of runs) run.readsDigits = props.models[run.progress.model].reads_digits;
    trial.news(runs[0]);
    if (unknown) {
      unknown = false;
      form.show(runs[0].progress.settings);
      form.toAddress(following);
    }
    result.paint(runs);
    if (!watching.busy) earlier.refresh();
    find("#train-start").textContent = text(watching.busy ? "train.start_anew" : "train.start");
  },
  lost() {
    following = [];
    form.toAddress(following);
    form.complain(text("train.lost"));
  },
});

function follow(runs) {
  following = runs;
  unknown = false;
  form.toAddress(following);
  trial.begin();
  result.paint([]);
  watching.follow(runs);
}

async function start() {
  const wrong = form.check();
  form.complain(wrong ?? "");
  if (wrong !== null) return;
  if (watching.busy) await watching.steer("stop");
  const answer = await server.start(form.question(teach.drawings));
  if (!answer || answer.error) form.complain(said(answer?.error ?? text("train.failed")));
  else {
    follow(answer.runs);
    // On a phone the curves are far below the button.
    const { top } = find(".watch").getBoundingClientRect();
    if (top > innerHeight / 2) find(".watch").scrollIntoView({ behavior: "smooth" });
  }
}

find("#train-form").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});

function translateAll() {
  translate();
  form.translate();
  teach.paint();
  trial.translate();
  watching.paint();
  result.paint(watching.runs);
  earlier.paint();
  find("#train-start").textContent = text(watching.busy ? "train.start_anew" : "train.start");
}

translateAll();
earlier.refresh();
watch("value", translateAll);
const asked = new URLSearchParams(location.search).get("run");
if (asked) {
  const bare = !new URLSearchParams(location.search).has("model"); // an address that somebody wrote
  follow(asked.split(",").slice(0, 2));
  unknown = bare;
} else form.toAddress([]);
