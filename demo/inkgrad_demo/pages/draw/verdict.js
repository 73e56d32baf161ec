// The digit or the number that was recognized, in words, and the bars of a digit's probabilities.
import { make } from "../../web/elements.js";

const SIGNS = { nothing: "–", other: "?" }; // in the place of a digit
const SURE = 0.8;
const INVISIBLE = 0.0005; // a probability whose bar would not be seen

export function createVerdict({ find, text, probability }) {
  const bars = Array.from({ length: 10 }, (_, digit) => {
    const share = make("span", { className: "share" });
    return make("li", {}, [make("b", { textContent: digit }), share, make("i")]);
  });
  find("#draw-bars").append(...bars);

  function sentence(answer) {
    const { kind, label, nearest, confidence, probabilities, digits } = answer;
    const percent = probability(confidence);
    if (kind === "nothing") return text(answer.preview ? "draw.none" : "draw.empty");
    if (kind === "other") return text("draw.other", { nearest });
    if (kind === "number") return text("draw.number", { count: digits.length, percent });
    if (confidence >= SURE) return text("draw.sure", { percent });
    const others = probabilities.map((share, digit) => (digit === label ? -1 : share));
    const [other, most] = [others.indexOf(Math.max(...others)), Math.max(...others)];
    const none = 1 - probabilities.reduce((sum, share) => sum + share, 0);
    if (none > most) return text("draw.hardly", { percent });
    return text("draw.unsure", { percent, other });
  }

  return {
    sentence,
    // `selected` is the index of the digit whose bars are shown.
    paint(answer, selected) {
      const { kind, text: read, digits } = answer;
      const one = digits[selected] ?? { label: null, probabilities: answer.probabilities };
      find("#draw-label").textContent = SIGNS[kind] ?? read;
      find("#draw-label").classList.toggle("long", read.length > 3);
      find("#draw-sentence").textContent = sentence(answer);
      find("#draw-bars-note").textContent =
        kind === "number" ? text("draw.bars", { number: selected + 1, label: one.label }) : "";
      find(".draw").classList.toggle("empty", kind === "nothing");
      find(".draw").classList.toggle("other", kind === "other");
      bars.forEach((bar, digit) => {
        const share = one.probabilities[digit];
        bar.classList.toggle("winner", digit === one.label);
        bar.classList.toggle("nil", share < INVISIBLE);
        bar.style.setProperty("--share", share);
        bar.querySelector(".share").textContent = probability(share);
      });
    },
  };
}
