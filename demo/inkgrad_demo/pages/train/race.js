// A race of the fused kernels against the native ones: a lane for each, the ratio of their speeds,
// and at the end what was equal and what was not.
import { make } from "../../web/elements.js";
import { compareLosses, examplesPerSecond, shareDone } from "./race_figures.js";

const EQUAL = 1e-6; // the difference of two losses that count as equal; the texts name it

export function createRace(page) {
  const { find, text, number, percent, scientific } = page;
  const section = find("#train-race");
  const nameOf = ({ status }) => text(`train.backend.${status.settings.backend}`);

  function createLane() {
    const fill = make("i");
    const [name, speed, time] = [make("b"), make("span"), make("span")];
    const track = make("div", { className: "track", ariaHidden: "true" }, [fill]);
    return { item: make("li", {}, [name, speed, time, track]), fill, name, speed, time };
  }
  const lanes = [createLane(), createLane()];
  section.querySelector("ol").append(...lanes.map(({ item }) => item));

  function paintLane({ item, fill, name, speed, time }, run, isAhead) {
    const { status } = run;
    const values = {
      speed: number(examplesPerSecond(status), 0),
      seconds: number(status.seconds, 1),
    };
    item.dataset.backend = status.settings.backend;
    item.classList.toggle("ahead", isAhead);
    name.textContent = nameOf(run);
    speed.textContent = text("train.speed", values);
    time.textContent = text("train.seconds", values);
    fill.style.width = `${100 * shareDone(status)}%`;
  }

  function headline([fused, native]) {
    const ratio = examplesPerSecond(fused.status) / examplesPerSecond(native.status);
    return Number.isFinite(ratio) ? ratio : null;
  }

  // -- at the end --

  function equalFacts([a, b]) {
    const { same, count, largest, points } = compareLosses(a.curve, b.curve, EQUAL);
    const values = { count, same, largest: scientific(largest) };
    const isSame = points > 0 && same === count;
    const isMostlySame = isSame || same > 0;
    const loss = isSame ? "train.race.loss_equal" : "train.race.loss_drifts";
    const losses = [isMostlySame, text(isMostlySame ? loss : "train.race.loss_differs", values)];
    return points > 0 ? [losses, ...accuracyFact(a, b)] : accuracyFact(a, b);
  }

  function accuracyFact(a, b) {
    if (!a.test || !b.test) return [];
    const [fused, native] = [a, b].map(({ test }) => percent(test.accuracy, 2));
    const isSame = a.test.accuracy === b.test.accuracy;
    return [
      [isSame, text(isSame ? "train.race.accuracy" : "train.race.accuracies", { fused, native })],
    ];
  }

  function timeFact([a, b]) {
    const values = { fused: number(a.seconds, 1), native: number(b.seconds, 1) };
    return [false, text("train.race.times", values)];
  }

  function paintFacts(runs) {
    const statuses = runs.map(({ status }) => status);
    const over = statuses.every(({ complete, done }) => complete && done > 0);
    const facts = section.querySelector(".facts");
    facts.hidden = !over;
    if (!over) return;
    const found = [...equalFacts(statuses), timeFact(statuses)];
    for (const kind of ["equal", "different"]) {
      const lines = found
        .filter(([isEqual]) => isEqual === (kind === "equal"))
        .map(([, textContent]) => make("li", { textContent }));
      facts.querySelector(`.${kind}`).hidden = lines.length === 0;
      facts.querySelector(`.${kind} ul`).replaceChildren(...lines);
    }
  }

  return {
    paint(runs) {
      const isRace = runs.length === 2 && runs.every(({ status }) => status?.settings);
      section.hidden = !isRace;
      if (!isRace) return;
      const speeds = runs.map(({ status }) => examplesPerSecond(status));
      runs.forEach((run, i) => paintLane(lanes[i], run, speeds[i] > speeds[1 - i]));
      const ratio = headline(runs);
      const key = ratio !== null && ratio < 1 ? "train.race.slower" : "train.race.faster";
      section.querySelector(".headline b").textContent =
        ratio === null ? "" : text("train.race.ratio", { ratio: number(ratio, 2) });
      section.querySelector(".headline span").textContent = text(
        ratio === null ? "train.race.ready" : key,
      );
      paintFacts(runs);
    },
  };
}
