// The drawing pad: strokes (see strokes.js) painted on a canvas for the eye and rasterized for the
// network.
//
// The network's picture is rasterized from the strokes and not read back from the canvas: browsers
// that resist fingerprinting falsify that.
import { fromBase64 } from "./base64.js";
import { onThemeChange } from "./colors.js";
import { createRaster } from "./strokes.js";

// createPad(canvas, {side, width, changed}) where
//   side     rows and columns of the network's raster
//   width()  the pen's width now, a fraction of the pad's side
//   changed({ink, lifted})  is called at most once a frame during a stroke and at once when it ends;
//            ink: the picture changed since the last call, lifted: no stroke is under way any more
export function createPad(canvas, { side, width, changed }) {
  const context = canvas.getContext("2d");
  const raster = createRaster(side);
  let strokes = []; // never changed, only replaced: past and future hold earlier and later ones
  let past = [];
  let future = [];
  let current = null; // the stroke under way, also the last of strokes
  let pointer = null; // the one pointer that draws: further fingers are ignored
  let rastered = 0; // length of the last stroke's points that are in the raster already
  let ink = false; // the picture has changed since the last call of changed()
  let frame = null; // the pending animation frame

  // -- strokes --

  function begin(x, y) {
    settle();
    remember();
    current = { width: width(), points: [x, y] };
    strokes = strokes.some(({ photo }) => photo) ? [current] : [...strokes, current];
    rastered = 0;
    schedule();
  }

  function extend(x, y) {
    const points = current.points;
    if (points.at(-2) === x && points.at(-1) === y) return;
    points.push(x, y);
    schedule();
  }

  function lift() {
    if (current === null) return;
    current = null;
    pointer = null;
    flush({ lifted: true });
  }

  function reset(kept) {
    current = null;
    pointer = null;
    strokes = kept;
    raster.clear();
    for (const stroke of strokes) raster.add(stroke);
    rastered = strokes.at(-1)?.points.length ?? 0;
    ink = true;
    flush({ lifted: true });
  }

  // -- undo --

  function remember() {
    past.push(strokes);
    future = [];
  }

  function replace(others) {
    if (strokes.length || others.length) remember();
    reset(others);
  }

  function undo() {
    if (past.length === 0) return;
    future.push(strokes);
    reset(past.pop());
  }

  function redo() {
    if (future.length === 0) return;
    past.push(strokes);
    reset(future.pop());
  }

  // After a reload: undo removes stroke by stroke.
  function restore(saved) {
    past = saved.map((_, count) => saved.slice(0, count));
    future = [];
    reset(saved);
  }

  // -- the raster --

  function settle() {
    if (strokes.length === 0) return;
    raster.add(strokes.at(-1), rastered);
    rastered = strokes.at(-1).points.length;
  }

  // -- painting --

  function schedule() {
    ink = true;
    frame ??= requestAnimationFrame(() => flush({ lifted: false }));
  }

  function flush({ lifted }) {
    cancelAnimationFrame(frame);
    frame = null;
    paint();
    const change = { ink, lifted };
    ink = false;
    changed(change);
  }

  function paint() {
    const pixels = canvas.width;
    context.clearRect(0, 0, pixels, pixels);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      if (stroke.photo) continue; // the page shows it
      if (stroke.levels) {
        context.drawImage(inColor(stroke, context.strokeStyle), 0, 0, pixels, pixels);
        continue;
      }
      const { width: pen, points } = stroke;
      context.lineWidth = pen * pixels;
      context.beginPath();
      context.moveTo(points[0] * pixels, points[1] * pixels);
      if (points.length === 2) context.lineTo(points[0] * pixels, points[1] * pixels);
      for (let i = 2; i < points.length; i += 2) {
        context.lineTo(points[i] * pixels, points[i + 1] * pixels);
      }
      context.stroke();
    }
  }

  function fit() {
    const pixels = Math.round(canvas.clientWidth * devicePixelRatio);
    if (pixels === 0) return; // the page is hidden
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    paint();
  }

  // -- mouse, pen and touch --

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || !event.isPrimary || event.button !== 0) return;
    lift(); // a stroke of the keyboard may be under way
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    begin(...place(event));
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) extend(...place(each));
  });

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => event.pointerId === pointer && lift());
  }

  new ResizeObserver(fit).observe(canvas);
  addEventListener("resize", fit); // zooming changes devicePixelRatio, and not always the size
  onThemeChange(canvas, paint); // the pen has the theme's color

  return {
    begin,
    extend,
    lift,
    // The raster, side x side bytes.
    pixels() {
      settle();
      return raster.pixels;
    },
    undo,
    redo,
    clear: () => replace([]),
    // Replaces the drawing by a picture as strokes.js describes it; undo brings the drawing back.
    show: (picture) => replace([{ ...picture, points: [] }]),
    // Takes the newest picture back for good.
    withdraw: () => reset(past.pop() ?? []),
    restore,
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    get strokes() {
      return strokes;
    },
    get empty() {
      return strokes.length === 0;
    },
    get drawing() {
      return current !== null;
    },
  };
}

// A picture's ink as a canvas of that color.
function inColor({ side, levels }, color) {
  const painted = new OffscreenCanvas(side, side);
  const opacity = new ImageData(side, side);
  fromBase64(levels).forEach((level, i) => {
    opacity.data[4 * i + 3] = level;
  });
  const context = painted.getContext("2d");
  context.putImageData(opacity, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = color;
  context.fillRect(0, 0, side, side);
  return painted;
}
