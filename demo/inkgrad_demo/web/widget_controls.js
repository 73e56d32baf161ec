// The form of a plaything: its named inputs, read together, and where its numbers are shown.
//
// An <output> beside an input shows its value. With data-power the value is 10 to the power of the
// slider's place: for learning rates and the like.
//
// createControls({formats, changed}) where
//   formats    {name: value => text} for the outputs; without one the number as it is
//   changed(name)  is called after the input of that name has changed
function createControls({ formats = {}, changed }) {
  const form = element;
  const inputs = () => [...form.querySelectorAll("[name]")];

  function valueOf(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type !== "range" && input.type !== "number") return input.value;
    const value = input.valueAsNumber;
    return "power" in input.dataset ? Number((10 ** value).toPrecision(2)) : value;
  }

  function values() {
    const read = inputs().filter((input) => input.type !== "radio" || input.checked);
    return Object.fromEntries(read.map((input) => [input.name, valueOf(input)]));
  }

  function show() {
    for (const input of inputs()) {
      const output = input.parentElement.querySelector("output");
      if (output === null) continue;
      const value = valueOf(input);
      output.textContent = (formats[input.name] ?? String)(value);
      input.setAttribute("aria-valuetext", output.textContent);
    }
  }

  function set(name, value) {
    const input = form.querySelector(`[name="${name}"]`);
    input.value = "power" in input.dataset ? Math.log10(value) : value;
    show();
  }

  form.addEventListener("input", ({ target }) => {
    if (!target.name) return;
    show();
    changed(target.name);
  });
  show();
  return { values, set };
}

// Puts numbers where they belong: tell({loss: "0.25"}) fills every data-value="loss".
function tell(values) {
  for (const [name, value] of Object.entries(values)) {
    for (const each of element.querySelectorAll(`[data-value="${name}"]`)) each.textContent = value;
  }
}

// About four figures, as many decimals as that takes.
function figures(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return scientific(value);
  return number(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

// At most four figures, without zeros at the end.
function short(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return scientific(value);
  return Number(value.toPrecision(4)).toLocaleString(props.value, { maximumFractionDigits: 6 });
}

// A table as HTML, of cells that are HTML: numbers, or words of the catalogues.
function tableOf(head, rows) {
  const line = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  const body = rows.map((row) => line(row, "td")).join("");
  return `<table><thead>${line(head, "th")}</thead><tbody>${body}</tbody></table>`;
}

// The answers of the server to what is set now: ask(question) sends, answered(answer) gets the newest.
let asked = 0; // questions under way

async function ask(question) {
  asked += 1;
  element.setAttribute("aria-busy", "true");
  try {
    return await server.play(question);
  } finally {
    asked -= 1;
    element.setAttribute("aria-busy", String(asked > 0));
  }
}

function asking(question, answered) {
  return newestOnly(() => ask(question()), {
    answered(answer) {
      find(".trouble").textContent = "";
      answered(answer);
    },
    failed() {
      find(".trouble").textContent = text("lessons.play.failed");
      return 2000;
    },
  });
}
