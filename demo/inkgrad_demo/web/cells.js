// The images behind the cells of a confusion matrix, each of which opens on the Draw page.
import { fromBase64, toBase64 } from "./base64.js";
import { make } from "./elements.js";
import { fillPixels, GRAYS } from "./pixels.js";

const bringIntoView = (element) => element.scrollIntoView({ block: "nearest" });

// createCells(page, place, load) where
//   place      an empty element for them
//   load({row, column, ...})  promises {shown, side, images}, or {error}
// gives open(button, count, request, reader): shows the images of the cell that the button stands for;
// reader is the model whose matrix it is, as run_choice.js describes it.
export function createCells({ text, number, messageText }, place, load) {
  place.className = "cells";
  place.innerHTML = `
    <p class="message" role="status"></p>
    <div class="images"></div>
    <div class="opened" hidden>
      <canvas aria-hidden="true"></canvas><button type="button"></button>
    </div>`;
  const part = (selector) => place.querySelector(selector);
  let turn = 0; // raised by open(): answers to earlier requests no longer matter
  let chosen = null; // the image: {side, levels}
  let about = null; // the cell: {label, prediction, reader}

  const paint = (canvas, { side, levels }) =>
    fillPixels(canvas, side, side, (i) => GRAYS[255 - levels[i]]);

  function choose(button, image) {
    for (const each of part(".images").children) each.ariaPressed = each === button;
    chosen = image;
    paint(part(".opened canvas"), image);
    part(".opened button").textContent = text("cell.take");
    part(".opened").hidden = false;
    bringIntoView(part(".opened"));
  }

  function show({ shown, side, images }) {
    const bytes = fromBase64(images);
    const buttons = Array.from({ length: shown }, (_, n) => {
      const image = { side, levels: bytes.subarray(n * side * side, (n + 1) * side * side) };
      const canvas = make("canvas");
      const button = make("button", { type: "button", ariaPressed: "false" }, [canvas]);
      button.setAttribute("aria-label", text("cell.image", { number: n + 1 }));
      paint(canvas, image);
      button.addEventListener("click", () => choose(button, image));
      return button;
    });
    part(".images").replaceChildren(...buttons);
  }

  function clear(message = "") {
    turn += 1;
    place.hidden = message === "";
    part(".message").textContent = message;
    part(".images").replaceChildren();
    part(".opened").hidden = true;
  }

  part(".opened button").addEventListener("click", () => {
    const detail = { side: chosen.side, levels: toBase64(chosen.levels), ...about };
    dispatchEvent(new CustomEvent("inkgrad:drawing", { detail })); // to the Draw page
  });

  clear();

  return {
    clear,
    async open(button, count, request, reader) {
      const { row, column } = request;
      const mine = ++turn;
      const answer = await load(request).catch(() => undefined);
      if (mine !== turn) return;
      if (!answer) return clear(text("cell.failed"));
      if (answer.error) return clear(messageText(answer.error));
      const values = { row, column, shown: answer.shown, count: number(count, 0) };
      clear(text(row === column ? "cell.right" : "cell.wrong", values));
      for (const each of button.closest("table").parentElement.querySelectorAll("td button")) {
        each.ariaPressed = each === button;
      }
      about = { label: row, prediction: column, reader };
      show(answer);
      bringIntoView(place);
    },
  };
}
