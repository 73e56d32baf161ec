// What every page needs: its elements, and its words and numbers in the language that Gradio chose.
// Gradio gives `element` (the page) and `props` (see the page's .py for what is in it): props.value is
// the code of the language, props.catalogues has the page's texts in each.

const find = (selector) => element.querySelector(selector);

function text(key, values = {}) {
  const catalogue = props.catalogues[props.value] ?? props.catalogues.en;
  return catalogue[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What the server says, in every language or in none.
const said = (message) => (typeof message === "string" ? message : (message[props.value] ?? message.en));

// What a record says that its run learnt from, in words of the page where they are known.
const dataName = (name) => (name in props.data_names ? text(props.data_names[name]) : name);

function translate(within = element) {
  for (const each of within.querySelectorAll("[data-text]")) each.textContent = text(each.dataset.text);
  for (const attribute of ["aria-label", "aria-roledescription"]) {
    for (const each of within.querySelectorAll(`[data-${attribute}]`)) {
      each.setAttribute(attribute, text(each.getAttribute(`data-${attribute}`)));
    }
  }
}

function number(value, digits) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(props.value, options);
}
// Never a rounded 100: no network is that sure.
const percent = (p) => (p > 0.9995 ? `> ${number(99.9, 1)} %` : `${number(100 * p, 1)} %`);

// As one writes it by hand, 1.2 × 10⁻⁷.
function scientific(value) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(1).split("e");
  const raised = [...exponent].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? { "-": "⁻", "+": "" }[sign]).join("");
  return `${number(Number(mantissa), 1)} × 10${raised}`;
}
