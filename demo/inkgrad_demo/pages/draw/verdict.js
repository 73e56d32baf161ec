// The label that the network gives the drawing, in words, and the bars of its probabilities.
import { make } from "../../web/elements.js";

const NO_LABEL = "–"; // of an empty drawing
const SURE = 0.8;
const INVISIBLE = 0.0005; // a probability whose bar would not be seen

export function createVerdict({ find, text, probability }) {
  const bars = Array.from({ length: 10 }, (_, digit) => {
    const share = make("span", { className: "share" });
    return make("li", {}, [make("b", { textContent: digit }), share, make("i")]);
  });
  find("#draw-bars").append(...bars);

  function sentence({ label, probabilities }) {
    if (label === null) return text("draw.empty");
    const values = { percent: probability(probabilities[label]) };
    if (probabilities[label] >= SURE) return text("draw.sure", values);
    const others = probabilities.map((share, digit) => (digit === label ? -1 : share));
    return text("draw.unsure", { ...values, other: others.indexOf(Math.max(...others)) });
  }

  return {
    sentence,
    paint(answer) {
      const { label, probabilities } = answer;
      find("#draw-label").textContent = label ?? NO_LABEL;
      find("#draw-sentence").textContent = sentence(answer);
      find(".draw").classList.toggle("empty", label === null);
      bars.forEach((bar, digit) => {
        const share = probabilities[digit];
        bar.classList.toggle("winner", digit === label);
        bar.classList.toggle("nil", share < INVISIBLE);
        bar.style.setProperty("--share", share);
        bar.querySelector(".share").textContent = probability(share);
      });
    },
  };
}
