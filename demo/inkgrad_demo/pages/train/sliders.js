// A slider below each number of the form. It goes through the values that are worth a try, learning
// rates by factors; the number field takes every other one.
import { make } from "../../web/elements.js";

const decades = (from, to) =>
  Array.from({ length: to - from }, (_, i) => [1, 2, 5].map((each) => `${each}e${from + i}`))
    .flat()
    .concat(`1e${to}`)
    .map(Number);

export const STOPS = {
  epochs: [
    1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000,
  ],
  batch_size: [...Array.from({ length: 13 }, (_, i) => 2 ** i), 0], // at the end all examples
  lr: decades(-5, 1),
  momentum: [...Array.from({ length: 20 }, (_, i) => i / 20), 0.97, 0.99],
  weight_decay: [0, ...decades(-6, 0)],
};

// The place of the stop that is nearest to a value; by factors where the stops are.
export function placeOf(stops, value) {
  const exact = stops.indexOf(value);
  if (exact >= 0 || !(value > 0)) return Math.max(0, exact);
  const distances = stops.map((stop) => (stop > 0 ? Math.abs(Math.log(stop / value)) : Infinity));
  return distances.indexOf(Math.min(...distances));
}

// createSliders(page, form) gives {sync()}, which moves the sliders to the numbers.
export function createSliders({ text }, form) {
  const sliders = Object.entries(STOPS).map(([name, stops]) => {
    const input = form.elements[name];
    const slider = make("input", { type: "range", min: 0, max: stops.length - 1, step: 1 });
    slider.autocomplete = "off";
    slider.addEventListener("input", () => {
      input.value = stops[slider.valueAsNumber];
      describe();
    });
    slider.addEventListener("change", () => {
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    input.addEventListener("input", sync);
    input.after(slider);

    function describe() {
      const value = stops[slider.valueAsNumber];
      slider.ariaLabel = text("train.slider", { name: text(`train.${name}`) });
      slider.ariaValueText =
        name === "batch_size" && value === 0 ? text("train.batch_size.all") : String(value);
    }

    function sync() {
      slider.value = placeOf(stops, input.valueAsNumber);
      slider.disabled = input.disabled;
      describe();
    }
    return { sync };
  });
  return { sync: () => sliders.forEach(({ sync }) => sync()) };
}
