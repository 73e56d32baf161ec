// Labels a drawing and keeps it; the kept ones can be looked through, relabeled and deleted.
import { fromBase64 } from "./base64.js";
import { make, makeButton } from "./elements.js";
import { ownDrawings } from "./own_drawings.js";
import { undoKeys } from "./pad_tools.js";
import { fillPixels, GRAYS } from "./pixels.js";

const SIDE = 28; // of a drawing, in pixels
const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);

// createOwnDrawingsPanel(page, place, {picture, saved, changed}) where
//   place      an element with a name (id) for what is in it
//   picture()  promises the drawing on the pad to keep, 28 x 28 bytes in base64, or null
//   saved()    is called after the drawing was kept
//   changed()  is called when other drawings are kept
// gives setReady(isReady), to be called when the drawing has changed: whether there is one to label;
// and paint(), for another language.
export function createOwnDrawingsPanel(page, place, { picture, saved, changed }) {
  const { props, text } = page;
  let isReady = false;
  let selected = null; // the index of a drawing

  place.classList.add("own");
  place.innerHTML = `
    <p class="ask"></p>
    <div class="digits save" role="group"></div>
    <p class="kept" role="status"></p>
    <div class="row">
      <button type="button" class="look" aria-expanded="false"></button>
      <button type="button" class="undo"></button>
      <button type="button" class="redo"></button>
      <button type="button" class="forget"></button>
    </div>
    <div class="gallery" hidden>
      <div class="images" role="group"></div>
      <div class="one" hidden>
        <canvas class="pixels" role="img"></canvas>
        <p></p>
        <div class="digits label" role="group"></div>
        <button type="button" class="remove"></button>
      </div>
    </div>`;
  const part = (selector) => place.querySelector(selector);

  async function save(label) {
    const pixels = await picture();
    if (pixels === null) return;
    ownDrawings.add([{ label, pixels }], props.most_drawings);
    saved();
  }

  const saveButtons = DIGITS.map((digit) => makeButton(digit, () => save(digit)));
  part(".save").append(...saveButtons);
  const labelButtons = DIGITS.map((digit) =>
    makeButton(digit, () => ownDrawings.relabel(selected, digit)),
  );
  part(".label").append(...labelButtons);

  const isOpen = () => !part(".gallery").hidden;
  part(".look").addEventListener("click", () => {
    part(".gallery").hidden = isOpen();
    paint();
  });
  part(".undo").addEventListener("click", ownDrawings.undo);
  part(".redo").addEventListener("click", ownDrawings.redo);
  part(".forget").addEventListener("click", () => {
    ownDrawings.clear();
    part(".undo").focus(); // this button is gone
  });
  part(".remove").addEventListener("click", () => {
    const index = selected;
    ownDrawings.remove(index);
    const images = part(".images").children;
    (images[Math.min(index, images.length - 1)] ?? part(".undo")).focus();
  });
  undoKeys(place, ownDrawings);

  function countsText() {
    const counts = DIGITS.map(
      (digit) => ownDrawings.all.filter(({ label }) => label === digit).length,
    );
    return counts
      .map((count, digit) => (count ? `${digit}×${count}` : ""))
      .filter(Boolean)
      .join("  ");
  }

  function paintPicture(canvas, pixels) {
    const levels = fromBase64(pixels);
    fillPixels(canvas, SIDE, SIDE, (i) => GRAYS[255 - levels[i]]);
  }

  function paintGallery() {
    const focused = [...part(".images").children].indexOf(document.activeElement);
    const images = ownDrawings.all.map(({ label, pixels }, index) => {
      const canvas = make("canvas", { className: "pixels" });
      paintPicture(canvas, pixels);
      const button = make("button", { type: "button", ariaPressed: index === selected }, [
        canvas,
        make("b", { textContent: label }),
      ]);
      button.setAttribute("aria-label", text("own.image", { number: index + 1, label }));
      button.addEventListener("click", () => {
        selected = index === selected ? null : index;
        paint();
      });
      return button;
    });
    part(".images").replaceChildren(...images);
    images[focused]?.focus({ preventScroll: true });
    part(".one").hidden = selected === null;
    if (selected === null) return;
    const { label, pixels } = ownDrawings.all[selected];
    const words = text("own.image", { number: selected + 1, label });
    paintPicture(part(".one canvas"), pixels);
    part(".one canvas").setAttribute("aria-label", words);
    part(".one p").textContent = text("own.relabel");
    labelButtons.forEach((button, digit) => {
      button.ariaPressed = digit === label;
      button.setAttribute("aria-label", text("own.relabel_digit", { digit }));
    });
  }

  function enableSaving() {
    const isFull = ownDrawings.all.length >= props.most_drawings;
    for (const each of saveButtons) each.disabled = !isReady || isFull;
  }

  function paint() {
    const count = ownDrawings.all.length;
    if (selected !== null && selected >= count) selected = null;
    part(".ask").textContent = text("own.ask");
    saveButtons.forEach((button, digit) => {
      button.setAttribute("aria-label", text("own.save_digit", { digit }));
    });
    enableSaving();
    part(".kept").textContent = count
      ? text("own.kept", { count, counts: countsText() })
      : text("own.none");
    if (count === 0) part(".gallery").hidden = true;
    part(".look").hidden = part(".forget").hidden = count === 0;
    part(".look").ariaExpanded = isOpen();
    part(".look").textContent = text(isOpen() ? "own.close" : "own.look");
    part(".undo").hidden = part(".redo").hidden = !ownDrawings.canUndo && !ownDrawings.canRedo;
    part(".undo").ariaDisabled = !ownDrawings.canUndo;
    part(".redo").ariaDisabled = !ownDrawings.canRedo;
    part(".undo").textContent = text("own.undo");
    part(".redo").textContent = text("own.redo");
    part(".forget").textContent = text("own.forget");
    part(".remove").textContent = text("own.remove");
    part(".images").setAttribute("aria-label", text("own.images"));
    if (isOpen()) paintGallery();
    changed();
  }

  ownDrawings.watch(paint);

  return {
    paint,
    setReady(ready) {
      isReady = ready;
      enableSaving();
    },
  };
}
