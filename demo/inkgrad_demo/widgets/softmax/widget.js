// Lesson 9: softmax of five numbers by hand; a confusion matrix whose cells open their images.

const START = [2, 1, 0.1, -1, 0.5];

translate();

// -- by hand --

find(".scores").replaceChildren(
  ...START.map((z, k) => {
    const row = document.createElement("div");
    row.className = "score";
    row.innerHTML = `<input type="radio" name="right" value="${k}" autocomplete="off" ${k === 0 ? "checked" : ""}>
      <label class="slider"><span>z<sub>${k}</sub></span><output></output>
        <input type="range" name="z${k}" min="-5" max="5" step="0.1" value="${z}" autocomplete="off"></label>`;
    row.firstChild.setAttribute("aria-label", text("lessons.softmax.right", { k }));
    return row;
  }),
);

const formats = Object.fromEntries(START.map((_, k) => [`z${k}`, (z) => number(z, 1)]));
const controls = createControls({ formats, changed: () => request() });
const scores = () => START.map((_, k) => controls.values()[`z${k}`]);
const right = () => Number(controls.values().right);

function listSteps({ powers, probabilities }) {
  const rows = scores().map((z, k) => {
    const shares = probabilities[k];
    const cells = [k, number(z, 1), figures(powers[k]), number(shares, 4)];
    const row = document.createElement("tr");
    row.className = k === right() ? "right" : "";
    const numbers = cells.map((cell) => `<td class="number">${cell}</td>`).join("");
    row.innerHTML = `${numbers}<td class="bar"><i style="--share: ${shares}"></i></td>`;
    return row;
  });
  find(".steps-of tbody").replaceChildren(...rows);
}

const { request } = asking(
  () => ({ about: "loss", z: scores(), right: right() }),
  (answer) => {
    listSteps(answer);
    const { probabilities, loss, by_torch } = answer;
    tell({ loss: number(loss, 6), by_torch: number(by_torch, 6) });
    const values = { probability: number(probabilities[right()], 4), loss: number(loss, 4), k: right() };
    const likeliest = probabilities.indexOf(Math.max(...probabilities));
    const key = likeliest === right() ? "lessons.softmax.good" : "lessons.softmax.bad";
    find(".summary").textContent = text(key, values);
  },
);

// -- the confusion matrix: there when the lesson's network is trained --

const cells = createCells(find(".cell"), ({ row, column }) => server.play({ about: "cell", row, column }));

find(".train").addEventListener("click", () => {
  find(".train").disabled = true;
  cells.clear(text("lessons.softmax.waiting"));
  props.results.ask();
});
props.results.ready.then(async () => {
  find(".train").hidden = true;
  cells.clear();
  const { counts } = await server.play({ about: "confusion" });
  find(".matrix").replaceChildren(confusionTable(counts, "", cells.open));
});

request();
