// A canvas to plot on, in the units of what is plotted.
//
// createPlot(canvas, {x, y, names, logarithmic, axes, paint}) where
//   x, y         [from, to]; plot.x and plot.y can be changed later, before a repaint()
//   names        what is drawn along x and y
//   logarithmic  y is
//   axes         false: none, the canvas is filled from edge to edge
//   paint(pen)   paints everything: when the size or the theme has changed, and on repaint()
function createPlot(canvas, { x, y, names = ["", ""], logarithmic = false, axes = true, paint }) {
  const context = canvas.getContext("2d");
  const MARGIN = axes ? { left: 52, right: 18, top: 10, bottom: 36 } : { left: 0, right: 0, top: 0, bottom: 0 };
  const FAR = 1e5; // pixels: what is farther away is not seen anyway
  let inner = { width: 0, height: 0 };
  let heat = { field: null };
  const plot = { x, y, repaint, onPoint, placeOf };

  // -- from units to pixels and back --

  const scaled = (value) => (logarithmic ? Math.log10(Math.max(value, 1e-300)) : value);
  const clamp = (pixels) => Math.min(FAR, Math.max(-FAR, pixels));
  const share = (value, [from, to]) => (value - from) / (to - from);
  const across = (value) => clamp(MARGIN.left + share(value, plot.x) * inner.width);
  const down = (value) =>
    clamp(MARGIN.top + (1 - share(scaled(value), plot.y.map(scaled))) * inner.height);

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    const right = (event.clientX - box.left - MARGIN.left) / inner.width;
    const up = 1 - (event.clientY - box.top - MARGIN.top) / inner.height;
    const within = (part, [from, to]) => from + Math.min(1, Math.max(0, part)) * (to - from);
    return [within(right, plot.x), within(up, plot.y)];
  }

  // -- axes --

  function ticks([from, to], pixels) {
    const rough = (to - from) / Math.max(2, pixels / 70);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const count = Math.floor(to / step + 1e-9) - Math.ceil(from / step - 1e-9) + 1;
    const first = Math.ceil(from / step - 1e-9);
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  function powers([from, to]) {
    const [first, last] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)];
    const step = Math.max(1, Math.ceil((last - first) / 5));
    const exponents = [];
    for (let exponent = first; exponent <= last; exponent += step) exponents.push(exponent);
    return exponents.map((exponent) => 10 ** exponent);
  }

  const tickText = (value) => (logarithmic && (value >= 1e4 || value < 1e-3) ? scientific(value) : String(value));

  function paintAxes() {
    context.lineWidth = 1;
    context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    const [line, quiet] = [colour("line"), colour("quiet")];
    const rule = (fromX, fromY, toX, toY) => {
      context.strokeStyle = line;
      context.beginPath();
      context.moveTo(Math.round(fromX) + 0.5, Math.round(fromY) + 0.5);
      context.lineTo(Math.round(toX) + 0.5, Math.round(toY) + 0.5);
      context.stroke();
    };
    const bottom = MARGIN.top + inner.height;
    const right = MARGIN.left + inner.width;
    context.fillStyle = quiet;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of ticks(plot.x, inner.width)) {
      rule(across(value), MARGIN.top, across(value), bottom);
      context.fillText(value, across(value), bottom + 5);
    }
    context.fillText(names[0], MARGIN.left + inner.width / 2, bottom + 20);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of logarithmic ? powers(plot.y) : ticks(plot.y, inner.height)) {
      rule(MARGIN.left, down(value), right, down(value));
      context.fillText(tickText(value).replace("1.0 × ", ""), MARGIN.left - 6, down(value));
    }
    context.save();
    context.translate(9, MARGIN.top + inner.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(names[1], 0, 0);
    context.restore();
  }

  // -- what paint(pen) paints with --

  const pen = {
    // Points as [x, y].
    line(points, name, { width = 2, dash = [], dots = 0 } = {}) {
      context.strokeStyle = context.fillStyle = colour(name);
      context.lineWidth = width;
      context.lineJoin = "round";
      context.setLineDash(dash);
      context.beginPath();
      points.forEach(([px, py], i) => context[i ? "lineTo" : "moveTo"](across(px), down(py)));
      context.stroke();
      context.setLineDash([]);
      if (dots) for (const point of points) pen.dot(...point, name, dots);
    },
    dot(px, py, name, radius = 5, ring = "") {
      context.beginPath();
      context.arc(across(px), down(py), radius, 0, 2 * Math.PI);
      context.fillStyle = colour(name);
      context.fill();
      if (!ring) return;
      context.strokeStyle = colour(ring);
      context.lineWidth = 2;
      context.stroke();
    },
    cross(px, py, name) {
      const [left, top] = [across(px), down(py)];
      context.strokeStyle = colour(name);
      context.lineWidth = 2;
      context.beginPath();
      for (const slant of [1, -1]) {
        context.moveTo(left - 5, top - 5 * slant);
        context.lineTo(left + 5, top + 5 * slant);
      }
      context.stroke();
    },
    // A loss seen from above: {x, y, values, even}, values[i][j] from 0 up at the i-th y and j-th x.
    heat(field) {
      const look = colour("card") + colour("accent");
      if (heat.field !== field || heat.look !== look) heat = { field, look, image: contours(field) };
      const [left, top] = [across(field.x[0]), down(field.y[1])];
      context.imageSmoothingEnabled = true;
      context.drawImage(heat.image, left, top, across(field.x[1]) - left, down(field.y[0]) - top);
    },
  };

  // -- when to paint --

  function repaint() {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0 || height === 0) return; // hidden
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (axes) paintAxes();
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top, inner.width, inner.height);
    context.clip();
    paint(pen);
    context.restore();
  }

  // act(x, y) where the pointer goes down, and while it is dragged. `sideways`: only x counts, so that a
  // finger still scrolls the page up and down.
  function onPoint(act, { sideways = false } = {}) {
    canvas.classList.add(sideways ? "sideways" : "draggable");
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      act(...placeOf(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) act(...placeOf(event));
    });
  }

  new ResizeObserver(repaint).observe(canvas);
  onThemeChange(canvas, repaint);
  return plot;
}

// Bands of equal loss with lines between them: even in its root (which of a parabola is the distance), unless
// the loss itself is to be `even`.
function contours({ values, even = false }) {
  const SIDE = 320;
  const BANDS = 14;
  const image = new OffscreenCanvas(SIDE, SIDE);
  const context = image.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const [paper, ink] = [channelsOf(colour("card")), channelsOf(colour("accent"))];
  const scaled = even ? (value) => value : Math.sqrt;
  const most = scaled(Math.max(...values.map((row) => Math.max(...row))));
  const [rows, columns] = [values.length - 1, values[0].length - 1];

  function level(row, column) { // between four of the values
    const [top, left] = [Math.min(Math.floor(row), rows - 1), Math.min(Math.floor(column), columns - 1)];
    const [below, beside] = [row - top, column - left];
    const mix = (line) => values[line][left] * (1 - beside) + values[line][left + 1] * beside;
    return (BANDS * scaled(mix(top) * (1 - below) + mix(top + 1) * below)) / most;
  }

  const bands = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bands.length; i++) {
    const [top, left] = [Math.floor(i / SIDE), i % SIDE];
    bands[i] = level(((SIDE - 1 - top) / (SIDE - 1)) * rows, (left / (SIDE - 1)) * columns); // y grows upwards
  }
  for (let i = 0; i < bands.length; i++) {
    const onLine = bands[i] !== (bands[i + SIDE] ?? bands[i]) || (i % SIDE && bands[i] !== bands[i - 1]);
    const depth = onLine ? 0.02 : 0.1 + 0.5 * (bands[i] / BANDS);
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * i + channel] = paper[channel] + depth * (ink[channel] - paper[channel]);
    }
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return image;
}
