// The images behind the cells of a confusion matrix, each of which can be taken to the Draw page.
//
// createCells(place, ask) where
//   place      an element for them, empty
//   ask({row, column, ...})  promises {shown, side, images}, or {error}
// gives open(button, count, question): shows the cell that the button stands for.
function createCells(place, ask) {
  place.className = "cells";
  place.innerHTML =
    `<p class="told" role="status"></p><div class="images"></div>` +
    `<div class="opened" hidden><canvas aria-hidden="true"></canvas><button type="button"></button></div>`;
  const part = (selector) => place.querySelector(selector);
  let turn = 0; // raised by open(): answers to earlier questions are of no interest
  let taken = null; // the image that was chosen: {side, levels}

  const paper = (canvas, { side, levels }) => fill(canvas, side, side, (i) => GREYS[255 - levels[i]]);

  function choose(button, image) {
    for (const each of part(".images").children) each.setAttribute("aria-pressed", each === button);
    taken = image;
    paper(part(".opened canvas"), image);
    part(".opened button").textContent = text("cell.take");
    part(".opened").hidden = false;
  }

  function show({ shown, side, images }) {
    const bytes = fromBase64(images);
    const buttons = Array.from({ length: shown }, (_, n) => {
      const image = { side, levels: bytes.subarray(n * side * side, (n + 1) * side * side) };
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.setAttribute("aria-label", text("cell.image", { number: n + 1 }));
      button.setAttribute("aria-pressed", "false");
      button.append(document.createElement("canvas"));
      paper(button.firstChild, image);
      button.addEventListener("click", () => choose(button, image));
      return button;
    });
    part(".images").replaceChildren(...buttons);
  }

  function clear(words = "") {
    turn += 1;
    place.hidden = words === "";
    part(".told").textContent = words;
    part(".images").replaceChildren();
    part(".opened").hidden = true;
  }

  part(".opened button").addEventListener("click", () => {
    const { side, levels } = taken;
    dispatchEvent(new CustomEvent("inkgrad:drawing", { detail: { side, levels: toBase64(levels) } }));
  });

  clear();

  return {
    clear,
    async open(button, count, question) {
      const { row, column } = question;
      const mine = ++turn;
      const answer = await ask(question).catch(() => undefined);
      if (mine !== turn) return;
      if (!answer || answer.error) return clear(answer ? said(answer.error) : text("cell.failed"));
      const values = { row, column, shown: answer.shown, count: number(count, 0) };
      clear(text(row === column ? "cell.right" : "cell.wrong", values));
      const table = button.closest("table");
      for (const each of table.parentElement.querySelectorAll("td button")) {
        each.setAttribute("aria-pressed", each === button);
      }
      show(answer);
    },
  };
}
