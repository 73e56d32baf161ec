// Lesson 9: softmax of five numbers by hand; a confusion matrix whose cells open their images.
import { createCells } from "../../web/cells.js";
import { confusionTable } from "../../web/confusion.js";
import { make } from "../../web/elements.js";
import { createInputs } from "../../web/inputs.js";
import { createWidget } from "../../web/widget.js";

const START = [2, 1, 0.1, -1, 0.5];

export function mount(context) {
  const widget = createWidget(context);
  const { find, props, text, number, steady } = widget;

  // -- by hand --

  const rows = START.map((z, k) => {
    const row = make("div", { className: "score" });
    row.innerHTML = `
      <input type="radio" name="right" value="${k}" autocomplete="off" ${k === 0 ? "checked" : ""}>
      <label class="slider"><span>z<sub>${k}</sub></span><output></output>
        <input type="range" name="z${k}" min="-5" max="5" step="0.1" value="${z}" autocomplete="off">
      </label>`;
    row.querySelector("input").setAttribute("aria-label", text("lessons.softmax.right", { k }));
    return row;
  });
  find(".scores").replaceChildren(...rows);

  const formats = Object.fromEntries(START.map((_, k) => [`z${k}`, (z) => number(z, 1)]));
  const inputs = createInputs(widget, { formats, changed: () => request() });

  function scores() {
    const values = inputs.values();
    return START.map((_, k) => values[`z${k}`]);
  }
  const rightClass = () => Number(inputs.values().right);

  function listSteps({ powers, probabilities }) {
    const lines = scores().map((z, k) => {
      const cells = [k, number(z, 1), steady(powers[k]), steady(probabilities[k])];
      const row = make("tr", { className: k === rightClass() ? "right" : "" });
      const columns = cells.map((cell) => `<td class="number">${cell}</td>`).join("");
      row.innerHTML = `${columns}<td class="bar"><i style="--share: ${probabilities[k]}"></i></td>`;
      return row;
    });
    find(".steps-of tbody").replaceChildren(...lines);
  }

  const request = widget.requester(
    () => ({ about: "loss", z: scores(), right: rightClass() }),
    (answer) => {
      listSteps(answer);
      const { probabilities, loss, by_torch } = answer;
      widget.showValues({ loss: number(loss, 6), by_torch: number(by_torch, 6) });
      const k = rightClass();
      const values = { probability: steady(probabilities[k]), loss: number(loss, 4), k };
      const others = Math.max(...probabilities.filter((_, other) => other !== k));
      const ahead = Math.sign(probabilities[k] - others);
      const verdict = { 1: "good", 0: "tied", "-1": "bad" }[ahead];
      find(".summary").textContent = text(`lessons.softmax.${verdict}`, values);
    },
  );

  // -- the confusion matrix: there once the lesson's network is trained --

  const cells = createCells(widget, find(".cell"), ({ row, column }) =>
    widget.play({ about: "cell", row, column }),
  );

  find(".train").addEventListener("click", () => {
    find(".train").disabled = true;
    cells.clear(text("lessons.softmax.waiting"));
    props.results.request();
  });
  props.results.ready.then(async () => {
    find(".train").hidden = true;
    cells.clear();
    const { counts } = await widget.play({ about: "confusion" });
    find(".matrix").replaceChildren(
      confusionTable(widget, { confusion: counts, classes: [] }, "", cells.open),
    );
  });

  request();
}
