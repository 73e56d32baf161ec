// The server's reading of an uploaded table: its columns, the labels and the first rows. All of it can
// be changed before training; the file is then read again.
import { make } from "../../web/elements.js";

const MAX_COLUMNS = 40;
const USED = ["number", "categories"];

// createTablePreview(page, {changed}) where changed(options) is called with how to read the table
export function createTablePreview({ find, text, messageText }, { changed }) {
  let answer = null; // of the server, to the last file that it could read

  const title = ({ title: given }, index) => given || String(index + 1);

  // A column as the server knows it: by its title, or by its number where others have the same.
  function nameOf(index) {
    const { title: given } = answer.columns[index];
    const alike = answer.columns.filter((column) => column.title === given);
    return given && alike.length === 1 ? given : String(index + 1);
  }

  function change(more) {
    changed({ ...answer.options, ...more });
  }

  function columnCheckbox(index, checked) {
    const box = make("input", { type: "checkbox", checked, autocomplete: "off" });
    box.addEventListener("change", () => {
      const used = answer.columns.map(({ role }) => USED.includes(role));
      used[index] = box.checked;
      change({ columns: [...used.keys()].filter((each) => used[each]).map(nameOf) });
    });
    return box;
  }

  function headCell(column, index) {
    const isLabel = column.role === "label";
    const name = make("span", { textContent: title(column, index) });
    const heading = make("label", {}, [name]);
    if (!isLabel) heading.prepend(columnCheckbox(index, USED.includes(column.role)));
    const notes = [text(`train.role.${column.role}`)];
    if (column.missing) notes.push(text("train.table.gaps", { count: column.missing }));
    const note = make("small", { textContent: notes.join(", ") });
    return make("th", { scope: "col", className: column.role }, [heading, note]);
  }

  function paintColumns() {
    const shown = answer.columns.slice(0, MAX_COLUMNS);
    const rows = shown[0].first.map((_, row) =>
      make(
        "tr",
        {},
        shown.map(({ first, role }) => make("td", { textContent: first[row], className: role })),
      ),
    );
    find("#train-columns").replaceChildren(
      make("thead", {}, [make("tr", {}, shown.map(headCell))]),
      make("tbody", {}, rows),
    );
    const count = answer.columns.length - shown.length;
    find("#train-more-columns").textContent = count ? text("train.table.more", { count }) : "";
  }

  function paint() {
    if (answer === null) return;
    find("#train-understood").textContent = messageText(answer.understood);
    const label = find("#train-label-column");
    label.replaceChildren(
      ...answer.columns.map((column, index) => new Option(title(column, index), index)),
    );
    label.value = answer.columns.findIndex(({ role }) => role === "label");
    const missing = find("#train-missing");
    missing.replaceChildren(
      ...["drop", "fill"].map((name) => new Option(text(`train.table.missing.${name}`), name)),
    );
    missing.value = answer.options.missing ?? "drop";
    const decimal = find("#train-decimal");
    decimal.replaceChildren(
      new Option(text("train.table.decimal.found"), ""),
      ...[".", ","].map((sign) => new Option(sign)),
    );
    decimal.value = answer.options.decimal ?? "";
    const encoding = find("#train-encoding");
    encoding.replaceChildren(
      ...answer.encodings.map((name) => new Option(name.toUpperCase(), name)),
    );
    encoding.value = answer.encoding;
    encoding.parentElement.hidden = answer.encoding === null; // of an Excel file
    find("#train-header").checked = answer.header;
    paintColumns();
  }

  find("#train-label-column").addEventListener("change", ({ target }) => {
    change({ label: nameOf(Number(target.value)) });
  });
  find("#train-missing").addEventListener("change", ({ target }) => {
    change({ missing: target.value });
  });
  find("#train-header").addEventListener("change", ({ target }) => {
    // Titles name the columns: with others, earlier choices mean nothing.
    const { missing, decimal, encoding } = answer.options;
    changed({ missing, decimal, encoding, header: target.checked });
  });
  find("#train-encoding").addEventListener("change", ({ target }) => {
    // Titles are other ones, too.
    const { missing, decimal, header } = answer.options;
    changed({ missing, decimal, header, encoding: target.value });
  });
  find("#train-decimal").addEventListener("change", ({ target }) => {
    change({ decimal: target.value || null });
  });

  return {
    paint,
    show(given) {
      answer = given;
      paint();
    },
  };
}
