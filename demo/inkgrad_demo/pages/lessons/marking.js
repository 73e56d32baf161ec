// Marks a symbol everywhere in a lesson: pointed at in a formula, in the code or in the widget, or
// chosen from the list, it is marked in all of them. What is shown may change at any time, so it is
// looked for anew each time.
import { make } from "../../web/elements.js";
import { NAMES, SYMBOLS } from "./symbols.js";

const MARK = "symbol-marked";
const WORDS = "span, dt, th, td, text, label, legend, i, b, code";

const withoutSpaces = (element) => element.textContent.replace(/\s/g, "");

// The elements of a formula that are symbols: the outermost ones.
function symbolsIn(formula) {
  const name = NAMES.formula.get(withoutSpaces(formula));
  if (name) return [[formula, name]];
  return [...formula.children].flatMap(symbolsIn);
}

const isLeaf = ({ children }) => children.length === 0;

// The name of the symbol that an element of a widget is about.
function inWidget(element) {
  const { name, dataset, classList } = element;
  const known = [name, dataset.value].find((each) => NAMES.widget.has(each));
  if (known) return NAMES.widget.get(known);
  if (element.tagName === "FIGURE") {
    return NAMES.figure.get([...classList].find((each) => NAMES.figure.has(each)));
  }
  return isLeaf(element) ? NAMES.widget.get(withoutSpaces(element)) : undefined;
}

// [[element, name of its symbol, where], ...]
function found(article) {
  const all = (selector) => [...article.querySelectorAll(selector)];
  const formulas = all("math").flatMap(symbolsIn);
  const widget = all(`.widget :is(${WORDS}, figure, input, select, [data-value])`);
  const code = all(".editor pre span, :is(p, dd) > code");
  return [
    ...formulas.map((each) => [...each, "formula"]),
    ...code.map((each) => [each, NAMES.code.get(each.textContent), "code"]),
    ...widget.map((each) => [each, inWidget(each), "widget"]),
  ].filter(([, name]) => name);
}

// The element to mark: of an input, its label too.
const shownFor = (element) =>
  (["INPUT", "SELECT"].includes(element.tagName) && element.closest("label")) || element;

// markSymbols(page, article, list): fills the list with a button for each symbol of the lesson that
// stands in at least two of its parts.
export function markSymbols({ text }, article, list) {
  let pinned = null; // the name of the symbol that was chosen from the list
  let marked = null;

  function mark(name) {
    if (name === marked) return;
    marked = name;
    for (const each of article.querySelectorAll(`.${MARK}`)) {
      each.classList.remove(MARK);
      each.style.removeProperty("--symbol");
    }
    for (const [element, other] of name ? found(article) : []) {
      if (other !== name) continue;
      const shown = shownFor(element);
      shown.classList.add(MARK);
      shown.style.setProperty("--symbol", `var(--ink-${SYMBOLS[name].color})`);
    }
    for (const button of buttons) {
      button.classList.toggle("marked", button.dataset.symbol === name);
      button.ariaPressed = String(button.dataset.symbol === pinned);
    }
  }

  // The symbol under the pointer. The code lies below the text area that one types in.
  function symbolAt({ target, clientX, clientY }) {
    const elements = target.matches(".editor textarea")
      ? article.ownerDocument.elementsFromPoint(clientX, clientY)
      : [target];
    const known = new Map(found(article).map(([element, name]) => [shownFor(element), name]));
    for (const each of elements) {
      for (let element = each; element && element !== article; element = element.parentElement) {
        if (known.has(element)) return known.get(element);
      }
    }
    return pinned;
  }

  function choose(button) {
    const { symbol } = button.dataset;
    pinned = pinned === symbol ? null : symbol;
    marked = undefined;
    mark(pinned);
  }

  const places = new Map();
  for (const [, name, place] of found(article)) {
    places.set(name, (places.get(name) ?? new Set()).add(place));
  }
  const names = Object.keys(SYMBOLS).filter((name) => (places.get(name)?.size ?? 0) > 1);
  const buttons = names.map((name) => {
    const { symbol, color } = SYMBOLS[name];
    const words = [
      make("b", { textContent: symbol }),
      make("span", { textContent: text(`lessons.symbol.${name}`) }),
    ];
    const button = make("button", { type: "button", ariaPressed: "false" }, words);
    button.dataset.symbol = name;
    button.style.setProperty("--symbol", `var(--ink-${color})`);
    button.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType === "mouse") mark(name);
    });
    button.addEventListener("focus", () => button.matches(":focus-visible") && mark(name));
    button.addEventListener("blur", () => mark(pinned));
    button.addEventListener("click", () => choose(button));
    return button;
  });
  list.replaceChildren(...buttons.map((button) => make("li", {}, [button])));
  list.parentElement.hidden = buttons.length === 0;

  let frame = 0;
  article.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || event.buttons || list.contains(event.target)) return;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => mark(symbolAt(event)));
  });
  article.addEventListener("pointerleave", () => {
    cancelAnimationFrame(frame);
    mark(pinned);
  });
  article.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || pinned === null) return;
    pinned = null;
    marked = undefined;
    mark(null);
  });
}
