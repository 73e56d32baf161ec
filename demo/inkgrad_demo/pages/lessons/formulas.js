// Texts in which `backticks` are code, or a formula where there is MathML for it.
import { make } from "../../web/elements.js";

export function typeset(mathml) {
  const holder = make("span", { className: "formula" });
  holder.innerHTML = mathml; // from the server, which made it of the course's own LaTeX
  return holder;
}

// createTypesetter({formula: MathML}) gives {words, plain, paragraphs}
export function createTypesetter(formulas) {
  const piece = (text) =>
    text in formulas ? typeset(formulas[text]) : make("code", { textContent: text });
  const words = (text) => text.split("`").map((part, i) => (i % 2 ? piece(part) : part));
  return {
    words,
    paragraphs: (markdown) => markdown.split("\n\n").map((text) => make("p", {}, words(text))),
  };
}

export const withoutMarks = (text) => text.replaceAll("`", "");
