// The picture that was opened, if any, and a box around each digit that was found.
import { make } from "../../web/elements.js";

// createFound(page, {chosen}): chosen(index) is called when the box of a digit is selected.
export function createFound({ find, text, probability }, { chosen }) {
  const place = find(".found");
  const photo = find("#draw-photo");
  const boxes = find("#draw-boxes");

  // The picture fills the pad as far as its proportions allow.
  function fit(aspect) {
    const width = 100 * Math.min(1, aspect);
    const height = 100 * Math.min(1, 1 / aspect);
    const left = (100 - width) / 2;
    const top = (100 - height) / 2;
    Object.assign(place.style, {
      left: `${left}%`,
      top: `${top}%`,
      width: `${width}%`,
      height: `${height}%`,
    });
  }

  function box({ label, confidence, box: [left, top, right, bottom] }, index, count) {
    const button = make("button", { type: "button", className: "box" }, [
      make("b", { textContent: label }),
    ]);
    const values = { number: index + 1, count, label, percent: probability(confidence) };
    button.setAttribute("aria-label", text("draw.box", values));
    Object.assign(button.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    });
    button.addEventListener("click", () => chosen(index));
    return button;
  }

  return {
    // An answer of the server. `selected` is the index of the digit whose bars are shown.
    paint({ digits = [], preview, aspect }, selected) {
      find(".draw").classList.toggle("photo", preview !== undefined);
      photo.hidden = preview === undefined;
      if (preview !== undefined && photo.src !== preview) photo.src = preview;
      fit(aspect ?? 1);
      const shown = digits.length > 1 || preview !== undefined ? digits : [];
      boxes.replaceChildren(...shown.map((digit, index) => box(digit, index, shown.length)));
      boxes.childNodes.forEach((each, index) => {
        each.ariaPressed = shown.length > 1 && index === selected;
      });
    },
  };
}
