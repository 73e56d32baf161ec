// Bars: native's time over ours, for each case forward and with gradients, from the line of equal
// times.
import { createChart } from "../../web/chart.js";
import { box, label, line } from "../../web/shapes.js";

// Pixels. The y axis of this chart is in pixels, from the top.
const BAR = 15;
const BAR_GAP = 3;
const GROUP_GAP = 10;
const LABEL = 56; // of a bar, beside it
const HEADING = 18; // where the name of a case stands above its bars
const NARROW = 480;
const EMPTY_HEIGHT = 220;
const AXIS = 34; // above the bars and below them

export const directionColor = (direction) => (direction === "forward" ? "accent" : "warn");

// createSpeedups(page, figure, {groups, label, directionName}) where groups() gives
// [{name, bars: [{direction, ratio: {median, lower, upper}, seconds, fresh, committed}]}]: `fresh`
// bars were measured now and `committed` is the ratio that comes with inkgrad, or null.
export function createSpeedups(page, figure, { groups, label: words, directionName }) {
  const { text, brief, threeDigits, duration } = page;
  const isNarrow = () => figure.clientWidth < NARROW;
  const heading = () => (isNarrow() ? HEADING : 0);

  // Each group with its top and that of each of its bars.
  function layOut() {
    let y = 0;
    return groups().map(({ name, bars }) => {
      const top = y + heading();
      const placed = bars.map((bar, i) => ({ ...bar, top: top + i * (BAR + BAR_GAP) }));
      y = top + bars.length * (BAR + BAR_GAP) + GROUP_GAP;
      return { name, top, bottom: y - GROUP_GAP, bars: placed };
    });
  }

  const bottom = () => layOut().at(-1)?.bottom ?? 0;

  function groupShapes({ name, top, bottom: end, bars }) {
    const title = isNarrow()
      ? [label(range()[0], top - 9, name, "text", { width: figure.clientWidth - 16 })]
      : [];
    return [
      ...title,
      ...bars.flatMap(barShapes),
      line(
        [
          [1, top - 4],
          [1, end + 1],
        ],
        "text",
        { width: 1.5 },
      ),
    ];
  }

  function barShapes(bar) {
    const { direction, ratio, seconds, fresh, committed, top } = bar;
    const middle = top + BAR / 2;
    const details = [
      `${threeDigits(ratio.median)}× (${threeDigits(ratio.lower)}–${threeDigits(ratio.upper)})`,
      `${duration(seconds.native.median)} → ${duration(seconds.ours.median)}`,
    ].join("\n");
    const whole = { name: directionName(direction), details, opacity: fresh ? 1 : 0.35 };
    const shapes = [
      box([1, top], [ratio.median, top + BAR], directionColor(direction), whole),
      line(
        [
          [ratio.lower, middle],
          [ratio.upper, middle],
        ],
        "text",
        { width: 1 },
      ),
    ];
    if (committed !== null) {
      shapes.push(
        line(
          [
            [committed, top - 1],
            [committed, top + BAR + 1],
          ],
          "text",
          { width: 2.5 },
        ),
      );
    }
    const end = Math.max(1, ratio.upper, committed ?? 0);
    const color = fresh ? "text" : "quiet";
    return [
      ...shapes,
      label(end, middle, `${threeDigits(ratio.median)}×`, color, { shift: [6, 0] }),
    ];
  }

  function range() {
    const values = groups().flatMap(({ bars }) =>
      bars.flatMap(({ ratio, committed }) => [ratio.lower, ratio.upper, committed ?? 1]),
    );
    const [min, max] = [0.95 * Math.min(0.8, ...values), Math.max(2, ...values)];
    const room = 1 - LABEL / Math.max(2 * LABEL, figure.clientWidth - leftOf(figure.clientWidth));
    return [min, min * (max / min) ** (1 / room)];
  }

  const leftOf = (width) => (isNarrow() ? 8 : Math.min(190, 0.38 * width));

  return createChart(page, figure, {
    title: () => text("kernels.bench.speedup"),
    label: words,
    empty: () => text("kernels.bench.none"),
    height: () => (groups().length ? bottom() + AXIS : EMPTY_HEIGHT),
    left: leftOf,
    zoom: "",
    x: { range, logarithmic: true, tick: (value) => `${brief(value)}×` },
    y: {
      range: () => [bottom(), 0],
      grid: false,
      ticks: () =>
        isNarrow() ? [] : layOut().map(({ name, top, bottom: end }) => [(top + end) / 2, name]),
    },
    shapes: () => layOut().flatMap(groupShapes),
  });
}
