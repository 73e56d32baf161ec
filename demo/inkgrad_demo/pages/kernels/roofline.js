// The roofline: arithmetic attained over arithmetic intensity, under what the machine can do at most. From
// native (ring) to ours (dot).
//
// ceiling: {gflops: {dtype: rate}, gbytes}; rows as the benchmark has them, `fresh` if measured now.
function paintRoofline(canvas, ceiling, rows, dtype) {
  const chart = beginChart(canvas, 320);
  if (chart === null) return;
  const { context, width, height, colour } = chart;
  if (ceiling === null || rows.length === 0) return chartMessage(chart, text("kernels.bench.none"));

  const peak = ceiling.gflops[dtype];
  const ridge = peak / ceiling.gbytes;
  const points = rows.map((row) => ({
    ...row,
    intensity: row.flops / row.bytes,
    native: (1e-9 * row.flops) / row.seconds.native.median,
    ours: (1e-9 * row.flops) / row.seconds.ours.median,
  }));
  const intensities = points.map((point) => point.intensity);
  const rates = points.flatMap(({ native, ours }) => [native, ours]);
  const [least, most] = [Math.min(...intensities, ridge) / 3, 3 * Math.max(...intensities, ridge)];
  const [low, high] = [Math.min(...rates) / 2, 2 * Math.max(peak, ...rates)];
  const [left, bottom] = [46, height - 40];
  const x = logScale(least, most, left, width - 8);
  const y = logScale(low, high, bottom, 10);

  context.strokeStyle = colour("line");
  context.fillStyle = colour("quiet");
  context.textAlign = "center";
  for (const tick of logTicks(least, most)) {
    line(context, x(tick), 10, x(tick), bottom);
    if (x(tick) < width - 14) context.fillText(tickLabel(tick), x(tick), bottom + 12);
  }
  context.fillText(text("kernels.bench.intensity"), (left + width) / 2, bottom + 30);
  context.textAlign = "right";
  for (const tick of logTicks(low, high)) {
    line(context, left, y(tick), width - 8, y(tick));
    context.fillText(tickLabel(tick), left - 6, y(tick));
  }

  context.save();
  context.beginPath();
  context.rect(left, 10, width - left, bottom - 10);
  context.clip();
  context.strokeStyle = context.fillStyle = colour("text");
  context.lineWidth = 1.8;
  context.beginPath();
  context.moveTo(x(least), y(least * ceiling.gbytes));
  context.lineTo(x(ridge), y(peak));
  context.lineTo(x(most), y(peak));
  context.stroke();
  context.textAlign = "right";
  context.fillText(`${digits(peak)} GFLOP/s`, width - 12, y(peak) - 10);
  context.textAlign = "left";
  context.fillText(`${digits(ceiling.gbytes)} GB/s`, left + 8, y(low * 1.35));
  points.forEach((point) => paintPoint(chart, point, x, y));
  context.restore();
}

function paintPoint({ context, colour }, { direction, fresh, intensity, native, ours }, x, y) {
  const at = x(intensity);
  context.globalAlpha = fresh ? 1 : 0.4;
  context.strokeStyle = context.fillStyle = directionColour(colour, direction);
  context.lineWidth = fresh ? 2 : 1.2;
  line(context, at, y(native), at, y(ours));
  context.beginPath();
  context.arc(at, y(ours), fresh ? 5.5 : 4, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.arc(at, y(native), fresh ? 5 : 3.5, 0, 2 * Math.PI);
  context.fillStyle = colour("card");
  context.globalAlpha = 1;
  context.fill();
  context.globalAlpha = fresh ? 1 : 0.4;
  context.stroke();
  context.globalAlpha = 1;
}
