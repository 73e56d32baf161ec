// A small editor: a text area over the same text in color. The server colors what was changed.
import { make } from "../../web/elements.js";

const PAUSE = 250; // milliseconds without a key, after which the code is colored

// createEditor(place, page, {label, submit, changed, readOnly}) gives {value, show(code, html)}.
// Tab indents; after Escape, Tab leaves. submit() is called by Ctrl+Enter, changed() after an edit.
export function createEditor(place, page, { label, submit, changed = () => {}, readOnly = false }) {
  const colored = make("code", {});
  const area = make("textarea", {
    ariaLabel: label,
    spellcheck: false,
    autocapitalize: "off",
    autocomplete: "off",
    wrap: "off",
    readOnly,
  });
  area.setAttribute("autocorrect", "off");
  const behind = make("pre", { ariaHidden: "true" }, [colored]);
  place.append(make("div", { className: "editor" }, [behind, area]));
  let timer = null;
  let tabLeaves = false;

  async function color() {
    const code = area.value;
    const answer = await page.send("color_code", { code }).catch(() => null);
    if (answer && area.value === code) colored.innerHTML = `${answer.html}\n`;
  }

  function edited() {
    colored.textContent = `${area.value}\n`; // it also gives the area its size
    clearTimeout(timer);
    timer = setTimeout(color, PAUSE);
    changed();
  }

  function indent(outwards) {
    const { selectionStart: start, selectionEnd: end, value } = area;
    const first = value.lastIndexOf("\n", start - 1) + 1;
    if (start === end && !outwards) {
      insert(" ".repeat(4 - ((start - first) % 4)));
      return;
    }
    const lines = value.slice(first, end).split("\n");
    const moved = lines.map((line) => (outwards ? line.replace(/^ {1,4}/, "") : `    ${line}`));
    area.setSelectionRange(first, end);
    insert(moved.join("\n"));
    if (start !== end) area.setSelectionRange(first, first + moved.join("\n").length);
  }

  function newLine() {
    const { selectionStart: start, value } = area;
    const line = value.slice(value.lastIndexOf("\n", start - 1) + 1, start);
    insert(`\n${line.match(/^ */)[0]}${line.trimEnd().endsWith(":") ? "    " : ""}`);
  }

  // The browser's own insertion can be undone by Ctrl+Z.
  function insert(text) {
    if (text === "") document.execCommand("delete");
    else document.execCommand("insertText", false, text);
  }

  area.addEventListener("input", edited);
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      tabLeaves = true;
      return;
    } else if (readOnly) {
      return;
    } else if (event.key === "Tab" && !tabLeaves) {
      event.preventDefault();
      indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.altKey) {
      event.preventDefault();
      newLine();
    }
    tabLeaves &&= event.key === "Shift" || event.key === "Tab";
  });
  area.addEventListener("focus", () => {
    tabLeaves = false;
  });

  return {
    get value() {
      return area.value;
    },
    // `html` is the code in color, if it is known.
    show(code, html = null) {
      clearTimeout(timer);
      area.value = code;
      colored.textContent = `${code}\n`;
      if (html === null) color();
      else colored.innerHTML = `${html}\n`;
    },
  };
}
