// A chart on a canvas: axes (linear or logarithmic), a legend, a read-out under the pointer or moved
// by arrow keys, and zoom. Repainting is cheap: a curve that grows repaints many times a second.
import { onThemeChange, themeColors } from "./colors.js";
import { interpolate } from "./contours.js";
import { make } from "./elements.js";
import { fillReadout, nearestShape, placeReadout, pointAt } from "./readout.js";
import { createScale, extent, linearTicks, logRange, logTicks } from "./scales.js";
import { paintShape, rule } from "./shapes.js";
import { createZoom } from "./zoom.js";

const REACH = 4; // pixels: so far behind the end of a line its last point can be read
const FONT = "11px Inter, system-ui, sans-serif";

// createChart(page, figure, options) fills an empty <figure>. Options are values or, where marked (),
// functions that every repaint() calls:
//   shapes()   what is shown, see shapes.js
//   title()    above the chart; also for screen readers, with the last value of each named line,
//              unless label() says it better
//   empty()    the words instead of no shapes
//   x, y       the axes: {name, range, logarithmic, ticks, grid, tick, read} where
//                name         what is along it
//                range        [from, to] or a function of the values; by default what they cover
//                logarithmic  true, or "optional": a button switches it
//                ticks()      [[value, words], ...] instead of numbers
//                grid         false: no lines at the ticks
//                tick(value, decimals), read(value)  numbers as text on the axis and in the read-out
//   height     in pixels, a number or height(); by default the style sheet's
//   left(width)  the margin for the labels of the y axis
//   legend     false: none
//   zoom       "x" (y fits what is in view), "xy" or "" (none)
//   onPoint(x, y)  is called where the pointer goes down and while it is dragged; with `sideways`
//              only x counts, and a finger still scrolls the page up and down
//   onTap(x, y)  is called for a click
export function createChart(page, figure, options) {
  const { zoom: zoomed = "x", legend = true, onPoint = null, onTap = null } = options;
  const axes = { x: withDefaults(options.x, page), y: withDefaults(options.y, page) };
  const logarithmic = { x: axes.x.logarithmic === true, y: axes.y.logarithmic === true };

  figure.classList.add("chart");
  figure.innerHTML = `
    <figcaption><b></b><span class="legend"></span><span class="tools"></span></figcaption>
    <div class="plot">
      <canvas role="img" tabindex="0" data-aria-description="chart.keys"></canvas>
      <div class="selection" hidden></div><div class="readout" hidden></div>
    </div>`;
  const canvas = figure.querySelector("canvas");
  const readout = figure.querySelector(".readout");
  const context = canvas.getContext("2d");

  let shapes = [];
  let painted = null; // what the last repaint laid out: {area, full, range, logarithmic, x, y, color}
  let hovered = null; // {x} on a chart of lines, {place} or {spot: its number} on one of spots

  const zoom = createZoom({
    canvas,
    selection: figure.querySelector(".selection"),
    axes: zoomed || "x",
    drags: zoomed !== "" && !onPoint && !onTap,
    geometry: () => painted,
    changed: repaint,
  });

  // -- layout --

  const valuesOf = (index) => shapes.flatMap(({ points }) => points.map((point) => point[index]));

  function fullRange(name, values) {
    const { range } = axes[name];
    if (Array.isArray(range)) return range;
    if (logarithmic[name] && axes[name].logarithmic === "optional") return logRange(values);
    return range ? range(values) : extent(values);
  }

  function layOut(width, height) {
    const { x: xAxis, y: yAxis } = axes;
    const left = options.left?.(width) ?? (yAxis.name ? 54 : 46);
    const area = { left, top: 10, right: width - 14, bottom: height - (xAxis.name ? 38 : 24) };
    const full = { x: fullRange("x", valuesOf(0)) };
    const range = { x: zoom.view.x ?? full.x };
    const [from, to] = range.x;
    const isInView = ([x]) => x >= from && x <= to;
    full.y = fullRange(
      "y",
      zoomed === "x" && zoom.view.x
        ? shapes.flatMap(({ points }) => points.filter(isInView).map((point) => point[1]))
        : valuesOf(1),
    );
    range.y = zoom.view.y ?? full.y;
    const scale = {
      x: createScale(range.x, logarithmic.x),
      y: createScale(range.y, logarithmic.y),
    };
    const across = area.right - area.left;
    const down = area.bottom - area.top;
    return {
      area,
      full,
      range,
      logarithmic,
      scale,
      color: themeColors(figure),
      x: (value) => area.left + across * scale.x.share(value),
      y: (value) => area.bottom - down * scale.y.share(value),
      // The place on the canvas in units, within the axes.
      valuesAt({ offsetX, offsetY }) {
        const within = (share) => Math.min(1, Math.max(0, share));
        return [
          scale.x.value(within((offsetX - area.left) / across)),
          scale.y.value(within((area.bottom - offsetY) / down)),
        ];
      },
    };
  }

  // The canvas in the screen's own pixels; false while the page is hidden.
  function fitCanvas() {
    const { height } = options;
    if (height !== undefined) {
      canvas.style.height = `${typeof height === "function" ? height(canvas.clientWidth) : height}px`;
    }
    const [width, tall] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0 || tall === 0) return false;
    const [across, down] = [width, tall].map((pixels) => Math.round(pixels * devicePixelRatio));
    if (canvas.width !== across || canvas.height !== down) {
      Object.assign(canvas, { width: across, height: down });
    }
    return true;
  }

  // -- painting --

  function repaint() {
    shapes = options.shapes();
    describe();
    if (!fitCanvas()) return;
    painted = layOut(canvas.clientWidth, canvas.clientHeight);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.font = FONT;
    if (shapes.length === 0 && options.empty) paintEmpty();
    else paintChart();
    zoom.showState();
    showReadout();
  }

  function paintEmpty() {
    context.fillStyle = painted.color("quiet");
    context.textAlign = "center";
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    context.fillText(options.empty(), width / 2, height / 2, width - 20);
  }

  function paintChart() {
    const { area } = painted;
    paintXAxis();
    paintYAxis();
    context.save();
    context.beginPath();
    context.rect(area.left, area.top - 3, area.right - area.left + 3, area.bottom - area.top + 6);
    context.clip();
    const cursor = hovered?.x === undefined ? [] : [rule(hovered.x, "quiet", { dashes: [3, 3] })];
    for (const shape of [...shapes, ...cursor]) paintShape(shape, { context, ...painted });
    context.restore();
  }

  // The ticks of an axis, as [value, words].
  function ticksOf(name, count) {
    const { ticks, tick } = axes[name];
    if (ticks) return ticks();
    const { values, decimals } = (logarithmic[name] ? logTicks : linearTicks)(
      painted.range[name],
      count,
    );
    return values.map((value) => [value, tick(value, decimals)]);
  }

  function paintGridLine(from, to) {
    context.lineWidth = 1;
    context.strokeStyle = painted.color("line");
    context.beginPath();
    for (const [x, y] of [from, to]) context.lineTo(Math.round(x) + 0.5, Math.round(y) + 0.5);
    context.stroke();
  }

  function paintXAxis() {
    const { area, x, color } = painted;
    context.fillStyle = color("quiet");
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const [value, words] of ticksOf("x", (area.right - area.left) / 70)) {
      if (axes.x.grid) paintGridLine([x(value), area.top], [x(value), area.bottom]);
      const most = canvas.clientWidth - context.measureText(words).width / 2;
      context.fillText(words, Math.min(x(value), most), area.bottom + 6);
    }
    if (axes.x.name) context.fillText(nameOf("x"), (area.left + area.right) / 2, area.bottom + 22);
  }

  function paintYAxis() {
    const { area, y, color } = painted;
    context.fillStyle = color("quiet");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const [value, words] of ticksOf("y", (area.bottom - area.top) / 40)) {
      if (axes.y.grid) paintGridLine([area.left, y(value)], [area.right, y(value)]);
      context.fillText(words, area.left - 6, y(value), area.left - 8);
    }
    if (!axes.y.name) return;
    context.save();
    context.translate(9, (area.top + area.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(nameOf("y"), 0, 0);
    context.restore();
  }

  function nameOf(name) {
    const given = axes[name].name;
    return typeof given === "function" ? given() : given;
  }

  // -- words --

  const namedLines = () =>
    shapes.filter(({ kind, name, points }) => kind === "line" && name && points.length);

  function describe() {
    const title = options.title?.() ?? "";
    const ends = namedLines().map(
      ({ name, points }) => `${name}: ${axes.y.read(points.at(-1)[1])}`,
    );
    canvas.setAttribute("aria-label", options.label?.() ?? [title, ...ends].join(", "));
    figure.querySelector("figcaption b").textContent = title;
    if (!legend) return;
    const color = themeColors(figure);
    const known = new Set();
    const entries = shapes.filter(
      ({ kind, name }) => kind === "line" && name && known.size < known.add(name).size,
    );
    figure.querySelector(".legend").replaceChildren(
      ...entries.map((entry) => {
        const swatch = make("i");
        swatch.style.background = color(entry.color);
        return make("span", {}, [swatch, entry.name]);
      }),
    );
  }

  // -- the read-out --

  const spots = () => shapes.filter(({ details }) => details);

  // The read-out, [head, rows, x of the place in pixels], or null.
  function reading() {
    if (hovered === null || painted === null) return null;
    const spot = spots()[hovered.spot];
    if (spot) {
      const row = { color: spot.color, name: "", value: spot.details };
      return [spot.name, [row], painted.x(spot.points.at(-1)[0])];
    }
    if (hovered.x === undefined) return null;
    const isOver = ({ points }) => painted.x(points.at(-1)[0]) < painted.x(hovered.x) - REACH;
    const rows = namedLines()
      .filter((each) => !isOver(each))
      .map((each) => ({ color: each.color, name: each.name, at: pointAt(each.points, hovered.x) }))
      .filter(({ at }) => at)
      .map((each) => ({ ...each, value: axes.y.read(each.at[1]) }));
    const head = `${axes.x.readsItself ? "" : `${nameOf("x")} = `}${axes.x.read(hovered.x)}`;
    const all = [...rows, ...fieldRows()];
    return all.length ? [head, all, painted.x(hovered.x)] : null;
  }

  function fieldRows() {
    const found = shapes.find(({ data, name }) => data && name); // a field or a region
    if (!found || hovered.y === undefined) return [];
    const { x, y, values } = found.data;
    const indexOf = (place, [from, to], count) =>
      Math.min(1, Math.max(0, (place - from) / (to - from))) * (count - 1);
    const row = indexOf(hovered.y, y, values.length);
    const value = interpolate(values, row, indexOf(hovered.x, x, values[0].length));
    return [
      { color: "line", name: nameOf("y"), value: axes.y.read(hovered.y) },
      { color: "accent", name: found.name, value: page.steady(value) },
    ];
  }

  function showReadout() {
    const found = reading();
    readout.hidden = found === null;
    if (found === null) return;
    const [head, rows, x] = found;
    fillReadout(readout, head, rows, painted.color);
    placeReadout(readout, x, canvas.clientWidth);
  }

  function hover(place, byKeyboard = false) {
    const hadCursor = hovered?.x !== undefined;
    hovered = place;
    readout.ariaLive = byKeyboard ? "polite" : "off"; // a pointer is not followed aloud
    if (hadCursor || hovered?.x !== undefined) repaint();
    else showReadout();
  }

  canvas.addEventListener("pointermove", (event) => {
    if (painted === null) return;
    const { area, x, y } = painted;
    const { offsetX, offsetY } = event;
    const found = spots();
    if (found.length) {
      const spot = found.indexOf(nearestShape(found, [offsetX, offsetY], { x, y }));
      return hover(spot < 0 ? null : { spot });
    }
    const isInside = offsetX >= area.left && offsetX <= area.right;
    const [atX, atY] = painted.valuesAt(event);
    hover(isInside ? { x: atX, y: atY } : null);
  });
  for (const end of ["pointerleave", "blur"]) canvas.addEventListener(end, () => hover(null));

  // -- keys --

  function step(direction) {
    const found = spots();
    if (found.length) {
      const next = (hovered?.spot ?? (direction > 0 ? -1 : found.length)) + direction;
      return hover({ spot: Math.min(found.length - 1, Math.max(0, next)) }, true);
    }
    const [from, to] = painted.range.x;
    const { scale } = painted;
    const share = (hovered?.x === undefined ? 1 : scale.x.share(hovered.x)) + direction / 50;
    const x = scale.x.value(Math.min(1, Math.max(0, share)));
    hover({ x: Math.min(to, Math.max(from, x)) }, true);
  }

  const anchor = () => (hovered?.x === undefined ? undefined : zoom.anchorAt(hovered.x));
  const KEYS = {
    ArrowLeft: ({ shiftKey }) => (shiftKey ? zoom.shift(-0.2) : step(-1)),
    ArrowRight: ({ shiftKey }) => (shiftKey ? zoom.shift(0.2) : step(1)),
    ...(zoomed && {
      "+": () => zoom.in(anchor()),
      "=": () => zoom.in(anchor()),
      "-": () => zoom.out(anchor()),
      0: () => zoom.reset(),
    }),
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key] || painted === null)
      return;
    event.preventDefault();
    KEYS[event.key](event);
  });

  // -- pointing --

  if (onPoint) {
    canvas.classList.add(options.sideways ? "sideways" : "draggable");
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      onPoint(...painted.valuesAt(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) onPoint(...painted.valuesAt(event));
    });
  }
  if (onTap) canvas.addEventListener("click", (event) => onTap(...painted.valuesAt(event)));

  // -- tools --

  const tools = zoomed ? [...zoom.buttons] : [];
  if (axes.y.logarithmic === "optional") {
    const button = make("button", { type: "button", className: "log", ariaPressed: "false" });
    button.dataset.text = "chart.log";
    button.dataset.title = "chart.log_title";
    button.addEventListener("click", () => {
      logarithmic.y = !logarithmic.y;
      button.ariaPressed = logarithmic.y;
      repaint();
    });
    tools.unshift(button);
  }
  figure.querySelector(".tools").append(...tools);
  page.translate(figure);
  new ResizeObserver(repaint).observe(canvas);
  onThemeChange(figure, repaint);

  return { repaint };
}

function withDefaults(axis = {}, page) {
  const defaults = { name: "", grid: true, tick: page.tickLabel, read: page.steady };
  return { ...defaults, ...axis, readsItself: axis.read !== undefined };
}
