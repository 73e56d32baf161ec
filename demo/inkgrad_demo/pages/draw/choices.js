// Which model reads the drawing, on which backend: the built-in models, and those that the Train
// page has sent.
import { make } from "../../web/elements.js";

// createChoices(page, {changed}): changed() is called when another model or backend is chosen.
export function createChoices({ find, text, number, percent, props }, { changed }) {
  const sent = []; // {model, name, note, accuracy}; they stay as long as the tab lives
  const removed = new Map(); // {model: {one, wasSelected}}, of runs that may be restored

  const select = (name, value) => {
    find(`input[name=draw-${name}][value="${value}"]`).checked = true;
  };
  const selected = (name) => find(`input[name=draw-${name}]:checked`).value;
  const percentage = (share) => (share === null ? "" : percent(share, 2));

  function addChoice(group, value) {
    const input = make("input", {
      type: "radio",
      name: `draw-${group}`,
      value,
      autocomplete: "off",
    });
    const parts = [make("b"), make("small"), make("span", { className: "value" })];
    const label = make("label", {}, [input, ...parts]);
    find(`#draw-${group}`).append(label);
    return label;
  }

  for (const [group, values] of [
    ["model", props.models],
    ["backend", props.backends],
  ]) {
    for (const value of values) {
      const label = addChoice(group, value);
      label.querySelector("b").dataset.text = `draw.${group}.${value}`;
      label.querySelector("small").dataset.text = `draw.${group}.${value}.note`;
    }
    select(group, values[0]);
    find(`#draw-${group}`).addEventListener("change", changed);
  }
  if (props.kernels === null) {
    find("#draw-backend small").dataset.text = "draw.backend.fused.without";
  }

  function add(one) {
    if (sent.some(({ model }) => model === one.model)) return;
    sent.push(one);
    const label = addChoice("model", one.model);
    label.querySelector("b").textContent = one.name;
    label.querySelector("small").textContent = one.note;
    label.querySelector(".value").textContent = percentage(one.accuracy);
  }

  return {
    add,
    select,
    get model() {
      return selected("model");
    },
    get backend() {
      return selected("backend");
    },
    defaultName: () => text(`draw.model.${props.models[0]}`),
    showAccuracies() {
      for (const [model, accuracy] of Object.entries(props.accuracies)) {
        find(`#draw-model label:has([value=${model}]) .value`).textContent = percentage(accuracy);
      }
    },
    // {backend: seconds}, or null
    showTimes(seconds) {
      for (const backend of props.backends) {
        find(`#draw-backend label:has([value=${backend}]) .value`).textContent =
          seconds === null ? "" : `${number(1000 * seconds[backend], 2)} ms`;
      }
    },
    // Removes a model that was sent; where it was selected, the first model takes its place.
    // Returns {name, wasSelected}, or null if there is no such model.
    remove(model) {
      const index = sent.findIndex((one) => one.model === model);
      if (index === -1) return null;
      const [one] = sent.splice(index, 1);
      const input = find(`input[name=draw-model][value="${model}"]`);
      const wasSelected = input.checked;
      input.closest("label").remove();
      if (wasSelected) select("model", props.models[0]);
      removed.set(model, { one, wasSelected });
      return { name: one.name, wasSelected };
    },
    // Adds a model that was removed; it is selected again if the visitor has selected no other one.
    // Returns whether it is selected.
    restore(model) {
      if (!removed.has(model)) return false;
      const { one, wasSelected } = removed.get(model);
      removed.delete(model);
      add(one);
      const isSelected = wasSelected && selected("model") === props.models[0];
      if (isSelected) select("model", model);
      return isSelected;
    },
    // The choices that a reload keeps.
    state: () => ({
      model: selected("model"),
      backend: selected("backend"),
      sent,
      removed: [...removed],
    }),
    setState(state) {
      state.sent.forEach(add);
      for (const [model, one] of state.removed) removed.set(model, one);
      select("model", state.model);
      select("backend", state.backend);
    },
  };
}
