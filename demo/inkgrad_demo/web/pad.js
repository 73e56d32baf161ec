// The drawing pad: strokes, painted on a canvas for the eye and rasterised for the network.
//
// A stroke is {width, points: [x, y, x, y, ...]} with the pad's side as the unit, so that neither the
// resolution of the screen nor a rotation of the phone changes a drawing. In place of strokes there may be a
// picture, {side, levels, points: []}, with side x side bytes in base64 from 0 (paper) to 255 (ink).
//
// The network's picture is rasterised here and not read back from the canvas: browsers that resist
// fingerprinting falsify that.
//
// createPad(canvas, {side, width, changed}) where
//   side     rows and columns of the network's raster
//   width()  the pen's width now, a fraction of the pad's side
//   changed({ink, lifted})  is called at most once a frame while a stroke is under way and at once when it
//            ends; ink: the picture changed since the last call, lifted: no stroke is under way any more
function createPad(canvas, { side, width, changed }) {
  const context = canvas.getContext("2d");
  let strokes = [];
  let current = null; // the stroke under way, also the last of strokes
  let pointer = null; // the one pointer that draws: further fingers are ignored
  const raster = new Uint8Array(side * side);
  let rastered = 0; // length of the last stroke's points that are in the raster already
  let ink = false; // changed() has not been told of the latest ink
  let frame = null; // the pending animation frame

  // -- strokes --

  function begin(x, y) {
    settle();
    current = { width: width(), points: [x, y] };
    strokes.push(current);
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
    raster.fill(0);
    strokes.forEach((stroke) => stamp(stroke, 0));
    rastered = strokes.at(-1)?.points.length ?? 0;
    ink = true;
    flush({ lifted: true });
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
    const news = { ink, lifted };
    ink = false;
    changed(news);
  }

  function paint() {
    const pixels = canvas.width;
    context.clearRect(0, 0, pixels, pixels);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      if (stroke.levels) {
        context.drawImage(inColour(stroke, context.strokeStyle), 0, 0, pixels, pixels);
        continue;
      }
      const { width, points } = stroke;
      context.lineWidth = width * pixels;
      context.beginPath();
      context.moveTo(points[0] * pixels, points[1] * pixels);
      if (points.length === 2) context.lineTo(points[0] * pixels, points[1] * pixels);
      for (let i = 2; i < points.length; i += 2) {
        context.lineTo(points[i] * pixels, points[i + 1] * pixels);
      }
      context.stroke();
    }
  }

  // A picture's ink as a canvas of that colour.
  function inColour({ side: rows, levels }, colour) {
    const painted = new OffscreenCanvas(rows, rows);
    const bytes = fromBase64(levels);
    const opacity = new ImageData(rows, rows);
    bytes.forEach((level, i) => (opacity.data[4 * i + 3] = level));
    const into = painted.getContext("2d");
    into.putImageData(opacity, 0, 0);
    into.globalCompositeOperation = "source-in";
    into.fillStyle = colour;
    into.fillRect(0, 0, rows, rows);
    return painted;
  }

  function fit() {
    const pixels = Math.round(canvas.clientWidth * devicePixelRatio);
    if (pixels === 0) return; // the page is hidden
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    paint();
  }

  // -- the raster --

  function settle() {
    if (strokes.length === 0) return;
    stamp(strokes.at(-1), rastered);
    rastered = strokes.at(-1).points.length;
  }

  // Adds the stroke's segments that end at or after index `from` of its points. Each is a capsule; a pixel's
  // ink is how far its centre lies inside, full after one pixel (anti-aliasing).
  function stamp({ width, points, side: rows, levels }, from) {
    if (levels) return stampPicture(rows, fromBase64(levels));
    const radius = (width * side) / 2;
    const start = Math.max(from - 2, 0);
    for (let i = start; i < Math.max(points.length - 2, 2); i += 2) {
      const j = Math.min(i + 2, points.length - 2);
      capsule(points[i] * side, points[i + 1] * side, points[j] * side, points[j + 1] * side, radius);
    }
  }

  function stampPicture(rows, bytes) {
    const nearest = (pixel) => Math.floor((pixel * rows) / side);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const level = bytes[nearest(row) * rows + nearest(column)];
        const index = row * side + column;
        if (level > raster[index]) raster[index] = level;
      }
    }
  }

  function capsule(x0, y0, x1, y1, radius) {
    const reach = radius + 1;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(side, Math.ceil(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(side, Math.ceil(Math.max(y0, y1) + reach));
    const dx = x1 - x0;
    const dy = y1 - y0;
    const squared = dx * dx + dy * dy || 1; // a dot has no direction: its nearest point is its start
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const px = column + 0.5 - x0;
        const py = row + 0.5 - y0;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
        const ink = radius + 0.5 - Math.hypot(px - along * dx, py - along * dy);
        const level = Math.round(255 * Math.min(1, Math.max(0, ink)));
        const index = row * side + column;
        if (level > raster[index]) raster[index] = level;
      }
    }
  }

  function pixels() {
    settle();
    return raster;
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

  return {
    begin, extend, lift, paint, pixels,
    undo() { reset(strokes.slice(0, -1)); },
    clear() { reset([]); },
    // A picture in place of what was drawn; undo takes that back.
    show({ side: rows, levels }) { reset([{ side: rows, levels, points: [] }]); },
    restore(saved) { reset(saved); },
    get strokes() { return strokes; },
    get empty() { return strokes.length === 0; },
    get drawing() { return current !== null; },
  };
}
