// A line chart on a canvas: axes, a legend, and a read-out of the values under the pointer. It repaints as often
// as it is told to, which is cheap: many times a second for a curve that grows.
//
// createChart(figure, {format, reach}) where
//   figure     an empty <figure>, which gets the title, the legend, the canvas and the read-out
//   format     {x: value => text, y: value => text} for the read-out and the axes
//   limits     (all values of y) => [least, most] of its axis; without it they suit a loss
//   tall       the height in pixels
//
// chart.draw({title, series, mark, most}) where
//   series     [{name, colour, points: [[x, y], ...], dots, width}]; colour is a CSS colour or "--variable"
//   mark       an x to mark with a vertical line, or null
//   most       the largest x of the axis at least
function createChart(figure, { format, limits = null, tall = 200 }) {
  figure.classList.add("chart");
  figure.innerHTML =
    `<figcaption><b></b><span class="legend"></span></figcaption>` +
    `<div class="plot"><canvas role="img" tabindex="0"></canvas><div class="readout" hidden></div></div>`;
  const canvas = figure.querySelector("canvas");
  const readout = figure.querySelector(".readout");
  const context = canvas.getContext("2d");
  const PAD = { left: 46, right: 12, top: 10, bottom: 24 };
  let shown = { title: "", series: [], mark: null, most: 1 };
  let hovered = null; // the x under the pointer

  const colourOf = (name) =>
    name.startsWith("--") ? getComputedStyle(figure).getPropertyValue(name).trim() : name;

  // Steps of 1, 2 or 5 times a power of ten, about as many as asked for.
  function ticks(least, most, about) {
    const rough = (most - least) / about;
    if (!(rough > 0)) return [least];
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const found = [];
    for (let i = Math.ceil(least / step - 1e-9); i * step <= most + step * 1e-9; i++) found.push(i * step + 0); // no -0
    return found;
  }

  function extent() {
    const points = shown.series.flatMap((each) => each.points);
    const right = Math.max(shown.most, ...points.map((p) => p[0]));
    const ys = points.map((p) => p[1]).sort((a, b) => a - b);
    if (limits) {
      const [low, high] = limits(ys);
      return { left: 0, right, low, high };
    }
    if (ys.length === 0) return { left: 0, right, low: 0, high: 1 };
    // A few losses may be far above all others: the axis ends where nearly all points lie.
    const high = Math.max(ys[Math.floor(0.985 * (ys.length - 1))] * 1.1, ys[0] * 1.05, 1e-6);
    return { left: 0, right, low: 0, high };
  }

  function scales() {
    const { left, right, low, high } = extent();
    const width = canvas.clientWidth - PAD.left - PAD.right;
    const height = canvas.clientHeight - PAD.top - PAD.bottom;
    return {
      left, right, low, high, width, height,
      x: (value) => PAD.left + (width * (value - left)) / (right - left || 1),
      y: (value) => PAD.top + height * (1 - (value - low) / (high - low || 1)),
      value: (x) => left + ((x - PAD.left) / width) * (right - left),
    };
  }

  function paint() {
    const ratio = devicePixelRatio;
    const wide = canvas.clientWidth;
    if (wide === 0) return; // the page is hidden
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(tall * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(tall * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, tall);
    const scale = scales();
    paintAxes(scale);
    context.save();
    context.beginPath();
    context.rect(PAD.left, PAD.top - 2, scale.width + 2, scale.height + 4);
    context.clip();
    for (const each of shown.series) paintSeries(each, scale);
    context.restore();
    if (shown.mark !== null) paintMark(shown.mark, scale, "--ink-accent", []);
    if (hovered !== null) paintMark(hovered, scale, "--ink-quiet", [3, 3]);
  }

  function paintAxes(scale) {
    context.font = "11px Inter, system-ui, sans-serif";
    context.lineWidth = 1;
    context.strokeStyle = colourOf("--ink-line");
    context.fillStyle = colourOf("--ink-quiet");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of ticks(scale.low, scale.high, scale.height / 40)) {
      const y = Math.round(scale.y(tick)) + 0.5;
      context.beginPath();
      context.moveTo(PAD.left, y);
      context.lineTo(PAD.left + scale.width, y);
      context.stroke();
      context.fillText(format.y(tick), PAD.left - 6, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const tick of ticks(scale.left, scale.right, scale.width / 70)) {
      context.fillText(format.x(tick), scale.x(tick), PAD.top + scale.height + 7);
    }
  }

  function paintSeries({ colour, points, dots = false, width = 1.6 }, scale) {
    if (points.length === 0) return;
    context.strokeStyle = context.fillStyle = colourOf(colour);
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](scale.x(x), scale.y(y)));
    context.stroke();
    if (dots && points.length <= 60) {
      for (const [x, y] of points) {
        context.beginPath();
        context.arc(scale.x(x), scale.y(y), 2.6, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  function paintMark(value, scale, colour, dashes) {
    const x = scale.x(value);
    context.strokeStyle = colourOf(colour);
    context.lineWidth = 1.2;
    context.setLineDash(dashes);
    context.beginPath();
    context.moveTo(x, PAD.top);
    context.lineTo(x, PAD.top + scale.height);
    context.stroke();
    context.setLineDash([]);
  }

  // -- the read-out --

  // The last point at or before x; undefined where all lie behind it.
  function at(points, x) {
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] <= x) low = middle + 1;
      else high = middle;
    }
    return points[low - 1];
  }

  function showReadout() {
    const read = hovered === null ? [] : shown.series.filter((each) => at(each.points, hovered));
    readout.hidden = read.length === 0;
    if (readout.hidden) return;
    const scale = scales();
    const rows = read.map((each) => {
      const row = document.createElement("div");
      row.innerHTML = `<i></i><span></span><b></b>`;
      row.querySelector("i").style.background = colourOf(each.colour);
      row.querySelector("span").textContent = each.name;
      row.querySelector("b").textContent = format.y(at(each.points, hovered)[1], true);
      return row;
    });
    const head = Object.assign(document.createElement("div"), { textContent: format.x(hovered, true) });
    readout.replaceChildren(head, ...rows);
    const x = scale.x(hovered);
    readout.style.left = `${Math.min(Math.max(0, x + 10), canvas.clientWidth - readout.offsetWidth - 4)}px`;
    if (x + 14 + readout.offsetWidth > canvas.clientWidth) {
      readout.style.left = `${Math.max(0, x - 10 - readout.offsetWidth)}px`;
    }
  }

  function hover(x) {
    hovered = x;
    paint();
    showReadout();
  }

  canvas.addEventListener("pointermove", (event) => {
    const scale = scales();
    const x = scale.value(event.offsetX);
    hover(x >= scale.left && x <= scale.right ? x : null);
  });
  for (const end of ["pointerleave", "blur"]) canvas.addEventListener(end, () => hover(null));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const { left, right } = scales();
    const x = (hovered ?? right) + (step * (right - left)) / 50;
    hover(Math.min(right, Math.max(left, x)));
  });

  function describe() {
    const last = (each) => `${each.name}: ${format.y(each.points.at(-1)[1], true)}`;
    const ends = shown.series.filter((each) => each.points.length > 0).map(last);
    canvas.setAttribute("aria-label", [shown.title, ...ends].join(", "));
  }

  function draw(what) {
    shown = { mark: null, most: 1, ...what };
    figure.querySelector("b").textContent = shown.title;
    figure.querySelector(".legend").replaceChildren(
      ...shown.series.map((each) => {
        const entry = document.createElement("span");
        entry.innerHTML = `<i></i>`;
        entry.querySelector("i").style.background = colourOf(each.colour);
        entry.append(each.name);
        return entry;
      }),
    );
    paint();
    showReadout();
    describe();
  }

  canvas.style.height = `${tall}px`;
  new ResizeObserver(paint).observe(canvas);
  // Colours are the theme's.
  new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });

  return { draw };
}
