// A "?" at each setting of the form: what the setting does and its range, under the pointer, on focus
// and after a tap. Screen readers read it with the setting.
import { make } from "../../web/elements.js";
import { limitTexts } from "./limits.js";

const DELAY = 150; // milliseconds in which the pointer may move from the button to the words

export function createHelp({ props, text }, form) {
  const bubble = make("div", { className: "bubble", hidden: true, ariaHidden: "true" });
  form.append(bubble);
  let open = null; // the entry that is shown
  let pinned = false; // by a click, until the next one
  let timer = null;

  function show(entry) {
    clearTimeout(timer);
    open = entry;
    bubble.textContent = entry.words.textContent;
    bubble.hidden = false;
    bubble.style.top = `${entry.place.offsetTop + entry.button.offsetHeight}px`;
    entry.button.ariaExpanded = "true";
  }

  function hide() {
    clearTimeout(timer);
    if (open) open.button.ariaExpanded = "false";
    open = null;
    pinned = false;
    bubble.hidden = true;
  }

  function hideSoon() {
    clearTimeout(timer);
    if (!pinned) timer = setTimeout(hide, DELAY);
  }

  const isMouse = ({ pointerType }) => pointerType === "mouse";

  function add(place) {
    const name = place.dataset.help;
    const isGroup = place.matches("fieldset");
    const controls = isGroup
      ? [place]
      : [...place.querySelectorAll("select, input:not([type=range])")];
    const button = make("button", { type: "button", className: "help", textContent: "?" });
    const words = make("span", { className: "unseen", id: `train-help-${name}` });
    button.ariaExpanded = "false";
    button.setAttribute("aria-describedby", words.id);
    for (const control of controls) control.setAttribute("aria-describedby", words.id);
    place.append(button, words);
    const entry = { name, place, button, words };
    button.addEventListener("pointerenter", (event) => isMouse(event) && !pinned && show(entry));
    button.addEventListener("pointerleave", (event) => isMouse(event) && hideSoon());
    button.addEventListener("focus", () => button.matches(":focus-visible") && show(entry));
    button.addEventListener("blur", hideSoon);
    button.addEventListener("click", () => {
      if (pinned && open === entry) return hide();
      show(entry);
      pinned = true;
    });
    return entry;
  }

  const entries = [...form.querySelectorAll("[data-help]")].map(add);
  bubble.addEventListener("pointerenter", () => clearTimeout(timer));
  bubble.addEventListener("pointerleave", hideSoon);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!bubble.contains(target) && !target.closest(".help")) hide();
  });

  function wordsOf(name) {
    const words = text(`train.help.${name}`);
    if (!(name in props.limits)) return words;
    const [least, most] = limitTexts(props, name);
    return `${words} ${text("train.help.range", { least, most })}`;
  }

  return {
    translate() {
      hide();
      for (const { name, button, words } of entries) {
        words.textContent = wordsOf(name);
        button.ariaLabel = text("train.help", { name: text(`train.${name}`) });
      }
    },
  };
}
