// The named inputs of a widget, read together.
//
// An <output> beside an input shows its value. With data-power the value is 10 to the power of the
// slider's position: for learning rates and the like.
//
// createInputs(widget, {formats, changed}) where
//   formats    {name: value => text} for the outputs; without one the number as it is
//   changed(name)  is called after the input of that name has changed, to a number within its limits
export function createInputs(widget, { formats = {}, changed }) {
  const { element, find, findAll, text, showTrouble } = widget;
  const inputs = () => findAll("[name]");
  const isPower = (input) => "power" in input.dataset;

  function inputValue(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type !== "range" && input.type !== "number") return input.value;
    const value = input.valueAsNumber;
    return isPower(input) ? Number((10 ** value).toPrecision(2)) : value;
  }

  function values() {
    const read = inputs().filter((input) => input.type !== "radio" || input.checked);
    return Object.fromEntries(read.map((input) => [input.name, inputValue(input)]));
  }

  function showOutputs() {
    for (const input of inputs()) {
      const output = input.parentElement.querySelector("output");
      if (output === null) continue;
      output.textContent = (formats[input.name] ?? String)(inputValue(input));
      if (input.type === "range") input.ariaValueText = output.textContent;
    }
  }

  function isWithinLimits(input) {
    if (input.type !== "number") return true;
    const value = input.valueAsNumber; // NaN if it is no number
    return value >= Number(input.min) && value <= Number(input.max);
  }

  // Whether the input's value can be used; if not, says which one can.
  function check(input) {
    const isGood = isWithinLimits(input);
    input.ariaInvalid = isGood ? null : "true";
    const wrong = inputs().find((each) => each.ariaInvalid === "true");
    showTrouble(inputs, wrong ? text("lessons.play.range", limitsOf(wrong)) : "");
    return isGood;
  }

  const limitsOf = (input) => ({
    name: input.ariaLabel ?? input.labels[0]?.textContent.trim(),
    least: input.min,
    most: input.max,
  });

  element.addEventListener("input", ({ target }) => {
    if (!target.name) return;
    showOutputs();
    if (check(target)) changed(target.name);
  });
  showOutputs();

  return {
    values,
    check: (name) => check(find(`[name="${name}"]`)),
    set(name, value) {
      const input = find(`[name="${name}"]`);
      input.value = isPower(input) ? Math.log10(value) : value;
      showOutputs();
    },
  };
}
