// Steps to be watched one after the other: play and pause, a step back and forward, any of them by a slider.
//
// createPlayer(place, {show, milliseconds}) fills the element `place` with its buttons, where
//   show(step)      shows a step, from 0
//   milliseconds    one step's time; by default so that all take some three seconds
function createPlayer(place, { show, milliseconds }) {
  const ICONS = {
    back: "M13 5 8 10l5 5M6 5v10",
    play: "M7 4.5v11l8-5.5Z",
    pause: "M7 5v10M13 5v10",
    forward: "m7 5 5 5-5 5m7-10v10",
  };
  const icon = `<svg viewBox="0 0 20 20" aria-hidden="true"><path/></svg>`;
  place.classList.add("player");
  place.innerHTML =
    ["back", "play", "forward"].map((name) => `<button type="button" class="${name}">${icon}</button>`).join("") +
    `<input type="range" min="0" max="0" step="1" value="0" autocomplete="off"><output></output>`;
  const [back, toggle, forward] = place.querySelectorAll("button");
  const [slider, output] = [place.querySelector("input"), place.querySelector("output")];
  let last = 0;
  let step = 0;
  let timer = null;

  function label(button, name, key) {
    button.querySelector("path").setAttribute("d", ICONS[name]);
    button.setAttribute("aria-label", text(key));
    button.title = text(key);
  }

  function showControls() {
    const playing = timer !== null;
    label(toggle, playing ? "pause" : "play", playing ? "lessons.play.pause" : "lessons.play.play");
    back.disabled = step === 0;
    forward.disabled = step === last;
    slider.max = last;
    slider.value = step;
    output.textContent = `${step} / ${last}`;
  }

  function go(to) {
    step = Math.min(last, Math.max(0, to));
    showControls();
    show(step);
  }

  // What changes many times a second is not for screen readers; where it ends is.
  function announce(aloud) {
    for (const each of element.querySelectorAll("[role=status]")) each.ariaLive = aloud ? null : "off";
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    announce(true);
    showControls();
  }

  function play() {
    clearTimeout(timer);
    if (step === last) go(0);
    const pace = milliseconds ?? Math.min(500, Math.max(16, 3000 / Math.max(1, last)));
    const stride = Math.max(1, Math.round((last * 16) / 3000)); // of very many steps, several a time
    const tick = () => {
      const next = step + (milliseconds ? 1 : stride);
      if (!place.isConnected || next >= last) pause();
      else timer = setTimeout(tick, pace);
      go(next);
    };
    announce(false);
    timer = setTimeout(tick, pace);
    showControls();
  }

  label(back, "back", "lessons.play.back");
  label(forward, "forward", "lessons.play.forward");
  slider.setAttribute("aria-label", text("lessons.play.step"));
  back.addEventListener("click", () => (pause(), go(step - 1)));
  forward.addEventListener("click", () => (pause(), go(step + 1)));
  toggle.addEventListener("click", () => (timer === null ? play() : pause()));
  slider.addEventListener("input", (event) => {
    event.stopPropagation(); // it is none of the form's
    const chosen = slider.valueAsNumber; // before pause() puts it back
    pause();
    go(chosen);
  });
  showControls();

  return {
    play,
    // New steps, from 0 to `count`: show one of them.
    load(count, at) {
      pause();
      last = count;
      go(at);
    },
    get step() { return step; },
  };
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
