// The maps of a layer as small buttons, the strongest for the drawing first. One of them takes the
// keyboard's focus; arrow keys move between them.
import { fromBase64 } from "../../web/base64.js";
import { make } from "../../web/elements.js";
import { fillPixels } from "../../web/pixels.js";
import { INK } from "./film.js";

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

// createMapList(page, {chosen}) where chosen(channel) is called when a map is selected. Layers are
// those of a recognition: {name, channels, height, width, maps}.
export function createMapList({ find, text, percent }, { chosen }) {
  const place = find("#draw-map-list");

  // [{channel, levels, peak, sum}], by the largest number of each map, then by their sums
  function byStrength({ channels, height, width, maps }) {
    const bytes = fromBase64(maps);
    const size = height * width;
    const all = Array.from({ length: channels }, (_, channel) => {
      const levels = bytes.subarray(channel * size, (channel + 1) * size);
      const sum = levels.reduce((total, level) => total + level, 0);
      return { channel, levels, peak: Math.max(...levels), sum };
    });
    return all.sort((a, b) => b.peak - a.peak || b.sum - a.sum);
  }

  place.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const buttons = [...place.children];
    const index = buttons.indexOf(event.target);
    if (!step || index === -1 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    buttons[index + step]?.click();
  });

  return {
    strongest: (layer) => byStrength(layer)[0].channel,
    paint(layer, selected) {
      find("#draw-map-list-title").textContent = text("draw.map.list", { layer: layer.name });
      const hadFocus = place.contains(document.activeElement);
      const buttons = byStrength(layer).map(({ channel, levels, peak }) => {
        const canvas = make("canvas", { className: "pixels" });
        fillPixels(canvas, layer.width, layer.height, (i) => INK[levels[i]]);
        const isSelected = channel === selected;
        const button = make("button", { type: "button", ariaPressed: isSelected }, [
          canvas,
          make("span", { textContent: channel + 1 }),
        ]);
        button.tabIndex = isSelected ? 0 : -1;
        const values = { number: channel + 1, percent: percent(peak / 255, 0) };
        button.setAttribute("aria-label", text("draw.map.button", values));
        button.addEventListener("click", () => chosen(channel));
        return button;
      });
      place.replaceChildren(...buttons);
      if (hadFocus) buttons.find((each) => each.tabIndex === 0).focus({ preventScroll: true });
    },
  };
}
