// What the two charts of the benchmark share: a sharp canvas, the theme's colours, logarithmic scales.

const CHART_FONT = "12px Inter, system-ui, sans-serif";

// Makes the canvas `height` high in the screen's own pixels; null while the page is hidden.
function beginChart(canvas, height) {
  const width = canvas.clientWidth;
  if (width === 0) return null;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = CHART_FONT;
  context.textBaseline = "middle";
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--ink-${name}`).trim();
  return { context, width, height, colour };
}

// From [least, most] to [from, to], logarithmically.
function logScale(least, most, from, to) {
  const span = Math.log(most / least);
  return (value) => from + ((to - from) * Math.log(value / least)) / span;
}

// 1, 2 and 5 times the powers of ten within the limits, or the powers alone where those are many.
function logTicks(least, most) {
  const steps = most / least > 200 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++) {
    for (const step of steps) ticks.push(step * 10 ** power);
  }
  return ticks.filter((tick) => tick >= least && tick <= most);
}

const line = (context, x0, y0, x1, y1) => {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
};

const tickLabel = (tick) => tick.toLocaleString(props.value, { maximumFractionDigits: 3 });

function chartMessage(chart, words) {
  const { context, width, height, colour } = chart;
  context.fillStyle = colour("quiet");
  context.textAlign = "center";
  context.fillText(words, width / 2, height / 2, width - 20);
}
