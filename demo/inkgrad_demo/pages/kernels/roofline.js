// The roofline: arithmetic rate over arithmetic intensity, below the machine's peaks. From native
// (ring) to ours (disk).
import { createChart } from "../../web/chart.js";
import { dot, label, line } from "../../web/shapes.js";
import { directionColor } from "./speedup.js";

const HEIGHT = 320;

// createRoofline(page, figure, {rows, peaks, directionName}) where
//   rows()     as the benchmark has them, `fresh` if measured now
//   peaks()  {peak, gbytes} in GFLOP/s and GB/s, or null
export function createRoofline(page, figure, { rows, peaks, directionName }) {
  const { text, threeDigits } = page;

  const points = () =>
    rows().map(({ flops, bytes, seconds, ...row }) => ({
      ...row,
      intensity: flops / bytes,
      native: (1e-9 * flops) / seconds.native.median,
      ours: (1e-9 * flops) / seconds.ours.median,
    }));

  const ridge = () => peaks().peak / peaks().gbytes;

  function intensities() {
    if (peaks() === null) return [0.1, 10];
    const values = [...points().map(({ intensity }) => intensity), ridge()];
    return [Math.min(...values) / 3, 3 * Math.max(...values)];
  }

  function rates() {
    if (peaks() === null) return [0.1, 10];
    const values = points().flatMap(({ native, ours }) => [native, ours]);
    return [Math.min(...values) / 2, 2 * Math.max(peaks().peak, ...values)];
  }

  function roof() {
    const { peak, gbytes } = peaks();
    const [from, to] = intensities();
    const [low] = rates();
    return [
      line(
        [
          [from, from * gbytes],
          [ridge(), peak],
          [to, peak],
        ],
        "text",
        { width: 1.8 },
      ),
      label(to, peak, `${threeDigits(peak)} GFLOP/s`, "text", { align: "right", shift: [-8, -10] }),
      label(from, low * 1.35, `${threeDigits(gbytes)} GB/s`, "text", { shift: [8, 0] }),
    ];
  }

  function pointShapes({ direction, fresh, intensity, native, ours, case: name }) {
    const color = directionColor(direction);
    const opacity = fresh ? 1 : 0.4;
    const details = `${threeDigits(native)} → ${threeDigits(ours)} GFLOP/s`;
    return [
      line(
        [
          [intensity, native],
          [intensity, ours],
        ],
        color,
        { width: fresh ? 2 : 1.2, opacity },
      ),
      dot(intensity, ours, color, {
        radius: fresh ? 5.5 : 4,
        opacity,
        name: `${name}, ${directionName(direction)}`,
        details,
      }),
      dot(intensity, native, "card", { radius: fresh ? 5 : 3.5, ring: color, opacity }),
    ];
  }

  return createChart(page, figure, {
    title: () => text("kernels.bench.roofline"),
    label: () => text("kernels.bench.roofline"),
    empty: () => text("kernels.bench.none"),
    height: HEIGHT,
    zoom: "xy",
    x: { name: () => text("kernels.bench.intensity"), range: intensities, logarithmic: true },
    y: { range: rates, logarithmic: true },
    shapes: () =>
      peaks() === null || rows().length === 0 ? [] : [...roof(), ...points().flatMap(pointShapes)],
  });
}
