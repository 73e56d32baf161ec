// Bars: native's time over ours, for each case forward and with gradients, from the line of equal times.
//
// groups: [{name, bars: [{direction, ratio: {median, lower, upper}, fresh, committed}]}], where `fresh` bars
// were measured now and `committed` is the ratio that comes with inkgrad, if there is one.
function paintSpeedups(canvas, groups) {
  const BAR = 15;
  const narrow = canvas.clientWidth < 480;
  const heading = narrow ? 18 : 0;
  const count = groups.reduce((sum, { bars }) => sum + bars.length, 0);
  const height = groups.length ? 34 + count * (BAR + 3) + groups.length * (10 + heading) : 220;
  const chart = beginChart(canvas, height);
  if (chart === null) return;
  const { context, width, colour } = chart;
  if (groups.length === 0) return chartMessage(chart, text("kernels.bench.none"));

  const values = groups.flatMap(({ bars }) => bars.flatMap(({ ratio, committed }) => [ratio.lower, ratio.upper, committed ?? 1]));
  const least = Math.min(0.8, ...values) * 0.95;
  const most = Math.max(2, ...values) * 1.05;
  const left = narrow ? 8 : Math.min(190, 0.38 * width);
  const x = logScale(least, most, left, width - 52);
  const bottom = height - 22;

  context.textAlign = "center";
  for (const tick of logTicks(least, most)) {
    context.strokeStyle = colour("line");
    line(context, x(tick), 0, x(tick), bottom);
    context.fillStyle = colour("quiet");
    context.fillText(`${tickLabel(tick)}×`, x(tick), bottom + 12);
  }

  let y = 6;
  for (const { name, bars } of groups) {
    context.fillStyle = colour("text");
    context.textAlign = narrow ? "left" : "right";
    const middle = narrow ? y + 8 : y + (bars.length * (BAR + 3)) / 2;
    context.fillText(name, narrow ? left : left - 10, middle, narrow ? width - 16 : left - 14);
    y += heading;
    const top = y;
    for (const bar of bars) {
      paintBar(chart, bar, x, y, BAR);
      y += BAR + 3;
    }
    context.strokeStyle = colour("text");
    context.lineWidth = 1.5;
    line(context, x(1), top - 4, x(1), y + 1); // beside its bars alone: on a phone their name is above them
    y += 10;
  }
}

function directionColour(colour, direction) {
  return direction === "forward" ? colour("accent") : colour("warn");
}

function paintBar({ context, colour }, { direction, ratio, fresh, committed }, x, y, thickness) {
  const [start, end] = [x(1), x(ratio.median)];
  context.fillStyle = directionColour(colour, direction);
  context.globalAlpha = fresh ? 1 : 0.35;
  context.fillRect(Math.min(start, end), y, Math.max(1, Math.abs(end - start)), thickness);
  context.globalAlpha = 1;
  context.strokeStyle = colour("text");
  context.lineWidth = 1;
  line(context, x(ratio.lower), y + thickness / 2, x(ratio.upper), y + thickness / 2);
  if (committed !== null) {
    context.lineWidth = 2.5;
    line(context, x(committed), y - 1, x(committed), y + thickness + 1);
  }
  context.textAlign = "left";
  context.fillStyle = fresh ? colour("text") : colour("quiet");
  const edge = Math.max(start, end, x(ratio.upper), committed === null ? 0 : x(committed));
  context.fillText(`${digits(ratio.median)}×`, edge + 6, y + thickness / 2);
}
