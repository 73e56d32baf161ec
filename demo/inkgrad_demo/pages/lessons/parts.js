// What a lesson has to show, made into elements: paragraphs, tables and pictures.

const make = (tag, properties = {}, children = []) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// Text in which `backticks` are code.
function withCode(words) {
  return words.split("`").map((piece, i) => (i % 2 ? make("code", { textContent: piece }) : piece));
}

const paragraphs = (markdown) => markdown.split("\n\n").map((words) => make("p", {}, withCode(words)));

function table({ caption, columns, rows }) {
  const isNumber = (cell) => /^[-–]?[\d.,]*\d(e[-+]?\d+)?%?$|^nan$|^-?inf$/.test(cell);
  const numeric = columns.map((_, i) => rows.every((row) => row[i] === "" || isNumber(row[i])));
  const kinds = columns.map((_, i) =>
    numeric[i] ? "number" : rows.some((row) => row[i].length > 24) ? "long" : "");
  const line = (cells, tag) =>
    make("tr", {}, cells.map((cell, i) => make(tag, { textContent: cell, className: kinds[i] })));
  const made = make("table", {}, [
    make("thead", {}, [line(columns, "th")]),
    make("tbody", {}, rows.map((row) => line(row, "td"))),
  ]);
  made.querySelectorAll("th").forEach((cell) => (cell.scope = "col"));
  // A wide table scrolls, which the keyboard must be able to do as well.
  const scroller = make("div", { className: "scroller", tabIndex: 0, role: "group", ariaLabel: caption }, [made]);
  return make("figure", { className: "table" }, [make("figcaption", {}, withCode(caption)), scroller]);
}

// A picture is drawn by the server when it is asked for: fetched(name) promises its SVG.
function picture({ name, caption }, fetched) {
  const image = make("img", { alt: "" }); // until it is there
  const scroller = make("div", { className: "scroller", tabIndex: 0, role: "group", ariaLabel: caption }, [image]);
  const figure = make("figure", { className: "picture waiting" }, [make("figcaption", {}, withCode(caption)), scroller]);
  image.addEventListener("load", () => figure.style.setProperty("--natural", `${image.naturalWidth}px`));
  fetched(name).then(
    ({ svg }) => {
      Object.assign(image, { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: caption });
      figure.classList.remove("waiting");
    },
    () => {
      figure.classList.remove("waiting");
      image.replaceWith(make("p", { textContent: text("lessons.page.no_picture") }));
    },
  );
  return figure;
}

const PARTS = {
  note: ({ text: words }) => make("p", { className: "note" }, withCode(words)),
  table,
  picture,
};
