// A derivation, one step at a time.
import { make } from "../../web/elements.js";
import { typeset } from "./formulas.js";

export function showDerivation(section, derivation, typesetter) {
  section.hidden = derivation === null;
  if (derivation === null) return;
  section.querySelector("h3").append(...typesetter.words(derivation.title));
  const steps = derivation.steps.map(({ note, math }) => {
    const formula = make("div", { className: "scroller" }, math.map(typeset));
    return make("li", { hidden: true }, [make("p", {}, typesetter.words(note)), formula]);
  });
  const list = section.querySelector("ol");
  list.append(...steps);
  list.ariaLive = "polite";
  const [next, all] = section.querySelectorAll("button");

  function showUpTo(count) {
    steps.forEach((step, i) => {
      step.hidden = i >= count;
    });
    next.hidden = all.hidden = count >= steps.length;
  }

  next.addEventListener("click", () => showUpTo(steps.filter((step) => !step.hidden).length + 1));
  all.addEventListener("click", () => showUpTo(steps.length));
  showUpTo(1);
}
