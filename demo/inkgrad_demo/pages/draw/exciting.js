// The test digits that excite a feature map most, with a frame around what the strongest number sees.
import { fromBase64 } from "../../web/base64.js";
import { make } from "../../web/elements.js";
import { placeFrame } from "../../web/matrices.js";
import { newestOnly } from "../../web/newest.js";
import { fillPixels, GRAYS } from "../../web/pixels.js";

const RETRY = 4000; // milliseconds
const MAX_NAMED = 3; // digits, in the sentence about the strongest images

export function createExciting({ find, text, send, messageText, number, steady, percent }) {
  const place = find("#draw-map-exciting");
  let shown = null; // {model, backend, layer, channel}
  let answer = null; // about that map
  let field = null; // {start, step, size} of the layer, in an image of `side` pixels
  let side = 0;

  const keyOf = (map) => JSON.stringify(map);
  const noteTo = (words) => {
    find("#draw-map-exciting-note").textContent = words;
  };

  function noteText() {
    const { data, searched, counted, counts } = answer;
    const values = { data: messageText(data), searched: number(searched, 0) };
    if (counted === 0) return text("draw.map.never", values);
    const digits = counts
      .map((count, digit) => ({ count, digit }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, MAX_NAMED)
      .map(({ count, digit }) =>
        text("draw.map.share", { digit, percent: percent(count / counted, 0) }),
      );
    return text("draw.map.found", { ...values, counted, digits: digits.join(", ") });
  }

  function paint() {
    if (answer === null || field === null) return;
    noteTo(noteText());
    const bytes = fromBase64(answer.images);
    const size = side * side;
    const images = answer.labels.map((label, index) => {
      const levels = bytes.subarray(index * size, (index + 1) * size);
      const canvas = make("canvas", { className: "pixels", role: "img" });
      fillPixels(canvas, side, side, (i) => GRAYS[levels[i]]);
      const value = steady(answer.values[index]);
      canvas.setAttribute("aria-label", text("draw.map.image", { label, value }));
      const frame = make("div", { className: "window" });
      const [row, column] = answer.places[index];
      const top = field.start + row * field.step;
      placeFrame(frame, canvas, top, field.start + column * field.step, field.size);
      return make("li", {}, [
        make("div", { className: "sheet" }, [canvas, frame]),
        make("span", { textContent: value, ariaHidden: "true" }),
      ]);
    });
    place.replaceChildren(...images);
  }

  const requests = newestOnly(() => send("exciting_images", shown), {
    answered(newest) {
      if (newest.gone) return;
      answer = newest;
      paint();
    },
    failed() {
      noteTo(text("draw.failed"));
      return RETRY;
    },
  });

  return {
    show(map) {
      const isOther = shown === null || keyOf(map) !== keyOf(shown);
      if (!isOther) return paint(); // perhaps in another language
      shown = map;
      answer = null;
      field = null;
      place.replaceChildren();
      noteTo(text("draw.map.searching"));
      requests.forget();
      requests.request();
    },
    setField(newest, pixels) {
      if (field !== null && keyOf(field) === keyOf(newest)) return;
      [field, side] = [newest, pixels];
      paint();
    },
  };
}
