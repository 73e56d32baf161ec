// The parts of a lesson's results as elements: notes, tables and pictures.
import { make } from "../../web/elements.js";
import { Refusal } from "../../web/page.js";
import { withoutMarks } from "./formulas.js";

// A figure whose content scrolls, by keyboard as well.
function scrollingFigure(className, caption, content, { text, typesetter }) {
  const ariaLabel = withoutMarks(caption);
  const properties = { className: "scroller", tabIndex: 0, role: "group", ariaLabel };
  const title = make("figcaption", {}, typesetter.words(caption));
  const scroller = make("div", properties, [content]);
  const figure = make("figure", { className }, [title, scroller]);
  figure.dataset.hint = text("lessons.page.scroll");
  const sizes = new ResizeObserver(() => {
    figure.classList.toggle("overflows", scroller.scrollWidth > scroller.clientWidth + 1);
  });
  for (const each of [scroller, content]) sizes.observe(each);
  return figure;
}

// "1.02e-12" of the command line, as everywhere on the page.
const shown = (cell, { brief }) =>
  /^-?\d(\.\d+)?e[-+]\d+$/.test(cell) ? brief(Number(cell), 3) : cell;

const isNumber = (cell) => /^[-–]?[\d.,]*\d(e[-+]?\d+)?( %)?$|^nan$|^-?inf$/.test(cell);

function tablePart({ caption, columns, rows }, _load, context) {
  const classOf = (i) => {
    if (rows.every((row) => row[i] === "" || isNumber(row[i]))) return "number";
    return rows.some((row) => row[i].length > 24) ? "long" : "";
  };
  const classes = columns.map((_, i) => classOf(i));
  const heads = columns.map((column, i) =>
    make("th", { scope: "col", textContent: column, className: classes[i] }),
  );
  const lines = rows.map((row) =>
    make(
      "tr",
      {},
      row.map((cell, i) =>
        make("td", { textContent: shown(cell, context), className: classes[i] }),
      ),
    ),
  );
  const content = [make("thead", {}, [make("tr", {}, heads)]), make("tbody", {}, lines)];
  return scrollingFigure("table", caption, make("table", {}, content), context);
}

// The server draws a picture on request: load(name) promises its SVG.
function picturePart({ name, caption }, load, context) {
  const { text } = context;
  const image = make("img", { alt: "" }); // until it is there
  const figure = scrollingFigure("picture waiting", caption, image, context);
  image.addEventListener("load", () => {
    figure.style.setProperty("--natural", `${image.naturalWidth}px`);
  });
  load(name)
    .then(({ svg }) => {
      const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      Object.assign(image, { src, alt: withoutMarks(caption) });
    })
    .catch((error) => {
      const why = error instanceof Refusal ? error.message : text("lessons.page.no_picture");
      image.replaceWith(make("p", { textContent: why }));
    })
    .finally(() => figure.classList.remove("waiting"));
  return figure;
}

const notePart = ({ text, warning }, _load, { typesetter }) =>
  make("p", { className: warning ? "note warning" : "note" }, typesetter.words(text));

// {kind: (part, load, {text, typesetter}) => element}
export const PARTS = { note: notePart, table: tablePart, picture: picturePart };
