// A feature map that was opened: how its numbers are computed from the drawing, the maps of its layer
// by strength, and the test digits that excite it.
import { fromBase64 } from "../../web/base64.js";
import { createCellPicker } from "../../web/cell_picker.js";
import {
  bySize,
  convolutionTerms,
  decodedMaps,
  floats,
  patchOf,
  valueAt,
} from "../../web/convolution.js";
import { make } from "../../web/elements.js";
import { createMapTiles } from "../../web/map_tiles.js";
import { frameCells, matrixHtml, outcomeHtml, paintNumbers } from "../../web/matrices.js";
import { newestOnly } from "../../web/newest.js";
import { fillPixels, GRAYS } from "../../web/pixels.js";
import { createExciting } from "./exciting.js";
import { createMapList } from "./map_list.js";

const RETRY = 2000; // milliseconds
const MAX_CHANNELS = 8; // input maps whose sums are shown
const MAX_COLUMNS = 12; // of the maps that the layer reads

// The things that a number of a map can tell apart, by the side of what it sees in pixels.
const SIGHTS = [
  [8, "draw.map.sees.edges"],
  [12, "draw.map.sees.corners"],
  [18, "draw.map.sees.parts"],
  [Infinity, "draw.map.sees.digit"],
];

// createOpenedMap(page, {side, chosen}) where side is that of the picture and chosen() the {model,
// backend} that reads the drawing
export function createOpenedMap(page, { side, chosen }) {
  const { find, text, send, brief, steady } = page;
  const section = find("#draw-map");
  const canvas = find("#draw-map-own");
  const tiles = createMapTiles(find("#draw-map-inputs"), MAX_COLUMNS);
  let answer = null; // the last recognition
  let opened = null; // {layer, channel}
  let details = null; // the server's answer about the map
  let wanted = null; // the cell to go to when the details arrive: {row, column}, "largest", or null
  let from = null; // the input map whose products are shown; null: that of the largest sum
  let opener = null; // the button that opened the map: it gets the focus back

  const layerOf = (name) => answer?.layers.find((layer) => layer.name === name);
  const isEmpty = () => answer === null || answer.kind === "nothing";

  const list = createMapList(page, {
    chosen(channel) {
      wanted = "largest";
      show(opened.layer, channel);
    },
  });
  const exciting = createExciting(page);
  const picker = createCellPicker(canvas, () => {
    from = null;
    showCell();
  });

  // -- what is opened --

  function show(layer, channel) {
    const isOther = opened?.layer !== layer || opened?.channel !== channel;
    opened = { layer, channel };
    section.hidden = false;
    if (isOther) {
      from = details = null;
      find("#draw-map-summary").textContent = ""; // until the server has answered
    }
    const values = { number: channel + 1, layer };
    find("#draw-map-title").textContent = text("draw.map.title", values);
    find("#draw-map-own-title").textContent = text("draw.map.own", values);
    list.paint(layerOf(layer), channel);
    request();
    exciting.show({ ...chosen(), ...opened });
  }

  function close() {
    if (opened === null) return;
    const hadFocus = section.contains(document.activeElement);
    opened = details = null;
    requests.forget();
    section.hidden = true;
    if (hadFocus) opener?.focus({ preventScroll: true });
  }

  // -- how a number is computed --

  function request() {
    find(".computed").hidden = isEmpty();
    find("#draw-map-empty").hidden = !isEmpty();
    if (!isEmpty()) requests.request();
  }

  const requests = newestOnly(
    () => send("open_map", { ...chosen(), ...opened, picture: answer.picture }),
    {
      answered(newest) {
        if (newest.gone) return;
        find("#draw-map-trouble").textContent = "";
        details = {
          ...newest,
          inputs: decodedMaps(newest.inputs),
          sums: decodedMaps(newest.sums),
          map: decodedMaps(newest.map),
          weight: floats(newest.weight),
        };
        paint();
      },
      failed() {
        find("#draw-map-trouble").textContent = text("draw.failed");
        return RETRY;
      },
    },
  );

  const rowsOf = ({ height, width, values }) =>
    Array.from({ length: height }, (_, row) => [
      ...values.subarray(row * width, (row + 1) * width),
    ]);
  const sizeText = ({ channels, height, width }) =>
    channels === 1 ? `${height} × ${width}` : `${channels} × ${height} × ${width}`;

  function factsText() {
    const { inputs, kernel, pool, field } = details;
    const { channels } = layerOf(opened.layer);
    const key = inputs.channels === 1 ? "draw.map.facts_first" : "draw.map.facts";
    const values = { layer: opened.layer, channels, inputs: inputs.channels, kernel };
    const [, sight] = SIGHTS.find(([size]) => field.size <= size);
    const sentences = [
      text(key, values),
      pool > 1 ? text("draw.map.pooled", { pool }) : "",
      text(sight, { size: field.size }),
    ];
    return sentences.filter(Boolean).join(" ");
  }

  function paint() {
    const { inputs, map } = details;
    const levels = fromBase64(answer.picture);
    fillPixels(find("#draw-map-picture"), side, side, (i) => GRAYS[levels[i]]);
    tiles.paint(inputs);
    find(".read").classList.toggle("one", inputs.channels === 1);
    paintNumbers(canvas, rowsOf(map));
    find("#draw-map-facts").textContent = factsText();
    find("#draw-map-inputs-title").textContent = text(
      inputs.channels === 1 ? "draw.map.inputs_first" : "draw.map.inputs",
    );
    find("#draw-map-inputs-size").textContent = sizeText(inputs);
    find("#draw-map-own-size").textContent = sizeText(map);
    exciting.setField(details.field, side);
    goToCell();
  }

  function goToCell() {
    const { width, values } = details.map;
    const index = values.indexOf(Math.max(...values));
    const largest = { row: Math.floor(index / width), column: index % width };
    const [row, column] = picker.cell;
    const cell = wanted === "largest" ? largest : (wanted ?? { row, column });
    wanted = null;
    picker.go(cell.row, cell.column);
  }

  // The place in the sums before pooling that a number of the map comes from, and those it beat.
  function pooledFrom(row, column) {
    const { sums, pool } = details;
    const values = patchOf(sums, 0, row * pool, column * pool, pool);
    const index = values.indexOf(Math.max(...values));
    return {
      row: row * pool + Math.floor(index / pool),
      column: column * pool + (index % pool),
      values,
    };
  }

  function showCell() {
    if (details === null) return;
    const [row, column] = picker.cell;
    const { inputs, weight, kernel, padding, sums, field, map, bias, pool } = details;
    const place = pooledFrom(row, column);
    const [top, left] = [place.row - padding, place.column - padding];
    const terms = convolutionTerms(inputs, weight, top, left, kernel);
    const sorted = bySize(terms);
    const shown = terms[from ?? sorted[0].from];
    frameCells(canvas, row, column, 1);
    frameCells(
      find("#draw-map-picture"),
      field.start + row * field.step,
      field.start + column * field.step,
      field.size,
    );
    const channels = inputs.channels === 1 ? [0] : sorted.slice(0, MAX_CHANNELS).map((t) => t.from);
    tiles.frame(channels, top, left, kernel);
    paintChannels(sorted, shown);
    paintTerm(shown);
    const before = valueAt(sums, 0, place.row, place.column);
    const values = {
      row: row + 1,
      column: column + 1,
      channels: inputs.channels,
      sum: steady(terms.reduce((sum, each) => sum + each.sum, 0)),
      bias: steady(bias),
      before: steady(before),
      pool,
      sums: place.values.map(steady).join(", "),
      value: steady(valueAt(map, 0, row, column)),
    };
    find("#draw-map-summary").textContent = [
      text(inputs.channels === 1 ? "draw.map.sum" : "draw.map.sums", values),
      pool > 1 ? text("draw.map.largest", values) : "",
      text(before < 0 ? "draw.map.relu_zero" : "draw.map.relu", values),
    ]
      .filter(Boolean)
      .join(" ");
  }

  function paintTerm({ from: input, patch, weights, products, sum }) {
    const many = details.inputs.channels > 1;
    const name = many ? `<b>${text("draw.map.channel", { number: input + 1 })}</b>` : "";
    const [values, kernel, product] = [patch, weights, products].map((each) =>
      matrixHtml(each, brief),
    );
    find("#draw-map-terms").innerHTML = `${name}${values}<b>⊙</b>${kernel}<b>=</b>${product}
      ${outcomeHtml("Σ =", steady(sum))}`;
  }

  // The largest sums over an input map each, and the rest.
  function paintChannels(sorted, shown) {
    const place = find("#draw-map-channels");
    place.hidden = sorted.length === 1;
    if (place.hidden) return;
    const max = Math.abs(sorted[0].sum) || 1;
    const focused = [...place.children].indexOf(document.activeElement);
    const bars = sorted.slice(0, MAX_CHANNELS).map(({ from: input, sum }) => {
      const bar = make("i", { className: sum < 0 ? "below" : "" });
      bar.style.setProperty("--share", Math.abs(sum) / max);
      const button = make("button", { type: "button", ariaPressed: input === shown.from }, [
        make("span", { textContent: text("draw.map.channel", { number: input + 1 }) }),
        bar,
        make("b", { textContent: steady(sum) }),
      ]);
      button.addEventListener("click", () => {
        from = input;
        showCell();
      });
      return button;
    });
    const rest = sorted.slice(MAX_CHANNELS);
    if (rest.length) {
      const values = {
        count: rest.length,
        sum: steady(rest.reduce((sum, each) => sum + each.sum, 0)),
      };
      bars.push(make("p", { textContent: text("draw.map.rest", values) }));
    }
    place.replaceChildren(...bars);
    if (focused !== -1) place.children[focused]?.focus({ preventScroll: true });
  }

  // -- events --

  find("#draw-map-close").addEventListener("click", close);
  section.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  });

  return {
    // Opens a map at a cell: {channel, row, column}; null opens the layer's strongest map.
    open(layer, cell) {
      opener = document.activeElement;
      const channel = cell?.channel ?? list.strongest(layerOf(layer));
      wanted = cell ?? "largest";
      show(layer, channel);
      find("#draw-map-title").focus({ preventScroll: true });
      section.scrollIntoView({ block: "nearest", behavior: "smooth" });
    },
    // The drawing was recognized.
    answered(newest) {
      const isSameModel = answer?.model === newest.model;
      answer = newest;
      if (opened === null) return;
      if (!isSameModel && !layerOf(opened.layer)) return close();
      const { channels } = layerOf(opened.layer);
      show(opened.layer, Math.min(opened.channel, channels - 1));
    },
    translate() {
      if (opened === null) return;
      show(opened.layer, opened.channel);
    },
  };
}
