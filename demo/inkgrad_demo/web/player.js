// Steps to watch one after the other: play and pause, a step back and forward, back to the first,
// any of them by a slider.
import { make } from "./elements.js";

const DURATION = 3000; // milliseconds that all steps take, unless one step's time is given
const FRAME = 16; // milliseconds between two steps at least
const MAX_PACE = 500;
const ICONS = {
  first: "m15 5-5 5 5 5M10 5l-5 5 5 5M4.5 5v10",
  back: "M13 5 8 10l5 5M6 5v10",
  play: "M7 4.5v11l8-5.5Z",
  pause: "M7 5v10M13 5v10",
  forward: "m7 5 5 5-5 5m7-10v10",
};

const prefersStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// createPlayer(page, place, {show, milliseconds}) fills the element `place` with its buttons, where
//   show(step)      shows a step, from 0
//   milliseconds    one step's time
export function createPlayer({ text, findAll }, place, { show, milliseconds }) {
  const makeButton = (className) => {
    const button = make("button", { type: "button", className });
    button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path/></svg>`;
    return button;
  };
  const [first, back, toggle, forward] = ["first", "back", "play", "forward"].map(makeButton);
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 0,
    step: 1,
    value: 0,
    autocomplete: "off",
  });
  const output = make("output");
  place.classList.add("player");
  place.append(first, back, toggle, forward, slider, output);
  let last = 0;
  let step = 0;
  let timer = null;

  function labelButton(button, icon, key) {
    button.querySelector("path").setAttribute("d", ICONS[icon]);
    button.setAttribute("aria-label", text(key));
    button.title = text(key);
  }

  function showState() {
    if (timer === null) labelButton(toggle, "play", "lessons.play.play");
    else labelButton(toggle, "pause", "lessons.play.pause");
    first.disabled = back.disabled = step === 0;
    forward.disabled = step === last;
    slider.max = last;
    slider.value = step;
    output.textContent = `${step} / ${last}`;
  }

  function go(to) {
    step = Math.min(last, Math.max(0, to));
    showState();
    show(step);
  }

  // Screen readers follow single steps, not those that are played many times a second.
  function announce(aloud) {
    for (const each of findAll("[role=status]")) each.ariaLive = aloud ? null : "off";
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    announce(true);
    showState();
  }

  function play() {
    clearTimeout(timer);
    if (step === last) go(0);
    const pace = milliseconds ?? Math.min(MAX_PACE, Math.max(FRAME, DURATION / Math.max(1, last)));
    const stride = milliseconds ? 1 : Math.max(1, Math.round((last * FRAME) / DURATION));
    function advance() {
      const next = step + stride;
      if (!place.isConnected || next >= last) pause();
      else timer = setTimeout(advance, pace);
      go(next);
    }
    announce(false);
    timer = setTimeout(advance, pace);
    showState();
  }

  function goAndRest(to) {
    pause();
    go(to);
  }

  labelButton(first, "first", "lessons.play.first");
  labelButton(back, "back", "lessons.play.back");
  labelButton(forward, "forward", "lessons.play.forward");
  slider.setAttribute("aria-label", text("lessons.play.step"));
  first.addEventListener("click", () => goAndRest(0));
  back.addEventListener("click", () => goAndRest(step - 1));
  forward.addEventListener("click", () => goAndRest(step + 1));
  toggle.addEventListener("click", () => (timer === null ? play() : pause()));
  slider.addEventListener("input", () => goAndRest(slider.valueAsNumber));
  showState();

  // New steps, 0 to `count`: shows one of them.
  function load(count, at) {
    pause();
    last = count;
    go(at);
  }

  // New steps, played from the first; those who prefer stillness see the last.
  function playAll(count) {
    load(count, prefersStillness() ? count : 0);
    if (!prefersStillness()) play();
  }

  return {
    load,
    playAll,
    get step() {
      return step;
    },
  };
}
