// Which part of a chart is in view, and the gestures that change it: dragging over a part, pinching
// on a trackpad (or Ctrl and the wheel), double-clicking, buttons and keys.
import { make } from "./elements.js";
import { createScale, partOf, shiftRange, zoomRange } from "./scales.js";

const STEP = 2; // of a button or a key
const LEAST_DRAG = 6; // pixels: less is a click

// createZoom({canvas, selection, axes, geometry, changed}) where
//   selection   the element that shows what a drag has covered, positioned over the canvas
//   axes        "x" or "xy": which axes zoom. With "x" the y axis fits what is in view
//   drags       whether dragging over a part zooms
//   geometry()  {area, full: {x, y}, range: {x, y}, logarithmic: {x, y}} as painted last
//   changed()   is called when another part is in view
export function createZoom({ canvas, selection, axes, drags, geometry, changed }) {
  const names = [...axes];
  let view = {}; // {x: range, y: range}, without those that show everything

  function set(next) {
    view = Object.fromEntries(Object.entries(next).filter(([, range]) => range !== null));
    changed();
  }

  // The place on the canvas in shares of the axes.
  function sharesOf({ offsetX, offsetY }) {
    const { area } = geometry();
    const share = (value, from, to) => Math.min(1, Math.max(0, (value - from) / (to - from)));
    return { x: share(offsetX, area.left, area.right), y: share(offsetY, area.bottom, area.top) };
  }

  function by(factor, anchor) {
    const { range, full, logarithmic } = geometry();
    const zoomed = (name) =>
      zoomRange(range[name], factor, anchor[name], full[name], logarithmic[name]);
    set(Object.fromEntries(names.map((name) => [name, zoomed(name)])));
  }

  function shift(share) {
    if (!view.x) return;
    const { full, logarithmic } = geometry();
    set({ ...view, x: shiftRange(view.x, share, full.x, logarithmic.x) });
  }

  // -- dragging over the part to zoom to --

  let start = null; // the event that the drag began with

  function showSelection(event) {
    const { area } = geometry();
    const clamp = (value, from, to) => Math.min(to, Math.max(from, value));
    const xs = [start.offsetX, event.offsetX].map((value) => clamp(value, area.left, area.right));
    const ys = names.includes("y")
      ? [start.offsetY, event.offsetY].map((value) => clamp(value, area.top, area.bottom))
      : [area.top, area.bottom];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const [width, height] = [Math.abs(xs[0] - xs[1]), Math.abs(ys[0] - ys[1])];
    selection.hidden = width < LEAST_DRAG;
    Object.assign(selection.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }

  function endDrag(event) {
    if (start === null) return;
    const [from, to] = [sharesOf(start), sharesOf(event)];
    const isClick = selection.hidden;
    start = null;
    selection.hidden = true;
    if (isClick || event.type === "pointercancel") return;
    const { range, logarithmic } = geometry();
    const part = (name) =>
      partOf(
        range[name],
        [from[name], to[name]].sort((a, b) => a - b),
        logarithmic[name],
      );
    set(Object.fromEntries(names.map((name) => [name, part(name)])));
  }

  if (drags) {
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      start = event;
    });
    canvas.addEventListener("pointermove", (event) => start !== null && showSelection(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, endDrag);
    canvas.addEventListener("dblclick", () => set({}));
  }

  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return; // the wheel alone scrolls the page
      event.preventDefault();
      by(1.01 ** Math.max(-50, Math.min(50, event.deltaY)), sharesOf(event));
    },
    { passive: false },
  );

  // -- buttons --

  const makeButton = (name, sign, clicked) => {
    const button = make("button", { type: "button", className: name, textContent: sign });
    for (const attribute of ["ariaLabel", "title"]) button.dataset[attribute] = `chart.${name}`;
    button.addEventListener("click", clicked);
    return button;
  };
  const middle = { x: 0.5, y: 0.5 };
  const actions = {
    in: (anchor = middle) => by(1 / STEP, anchor),
    out: (anchor = middle) => by(STEP, anchor),
    reset: () => set({}),
    shift,
  };
  const buttons = [
    makeButton("zoom_out", "−", () => actions.out()),
    makeButton("zoom_in", "+", () => actions.in()),
    makeButton("zoom_reset", "⤢", actions.reset),
  ];

  return {
    ...actions,
    buttons,
    get view() {
      return view;
    },
    // Called with every repaint.
    showState() {
      const isZoomed = Object.keys(view).length > 0;
      buttons[0].disabled = buttons[2].disabled = !isZoomed;
      canvas.classList.toggle("zoomed", isZoomed);
    },
    // The share of the x axis at a value, to zoom about it.
    anchorAt(value) {
      const { range, logarithmic } = geometry();
      return { ...middle, x: createScale(range.x, logarithmic.x).share(value) };
    },
  };
}
