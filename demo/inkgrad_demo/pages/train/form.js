// The form of the Train page: the settings of the next run. Fields that do not apply to a model or
// an optimizer are disabled; the page's address holds all settings.
import { parameter, writeAddress } from "../../web/page_address.js";
import { sendFile } from "./files.js";
import { createHelp } from "./help.js";
import { limitTexts } from "./limits.js";
import { createSliders } from "./sliders.js";
import { createTablePreview } from "./table_preview.js";

const NUMBERS = ["epochs", "batch_size", "lr", "momentum", "weight_decay", "seed"];
const SELECTS = ["model", "data", "optimizer", "activation", "reduction"];
const OPTIONS = ["augment", "one_cycle", "standardize"];
const REDUCTIONS = ["mean", "sum"];
const BACKENDS = ["fused", "native", "both"];
const FIRST = { model: "cnn", data: "mnist", epochs: 1, backend: "fused" };
const TABLE_FILES = ".csv,.tsv,.tab,.txt,.dat,.data,.xlsx,.gz,.zip";
const OPTIMIZER_NAMES = {
  sgd: "SGD",
  adagrad: "Adagrad",
  rmsprop: "RMSprop",
  adam: "Adam",
  adamw: "AdamW",
  adamax: "Adamax",
  asgd: "ASGD",
  rprop: "Rprop",
  lbfgs: "L-BFGS",
};
const ACTIVATION_NAMES = { sigmoid: "Sigmoid", relu: "ReLU", tanh: "tanh", gelu: "GELU" };

// The message for a number outside its limits.
export function numberError({ props, text }, name, input) {
  const [least, most] = limitTexts(props, name);
  const values = { name: text(`train.${name}`), least, most, got: input.value || "–" };
  return text(input.step === "1" ? "train.bad_whole" : "train.bad_number", values);
}

// createForm(page, {changed, described}) where
//   changed()         is called whenever a setting has
//   described(model)  receives what the settings say of the model, see model_diagram.js
export function createForm(page, { changed, described }) {
  const { find, props, server, text, messageText } = page;
  const form = find("#train-form");
  const field = (name) => form.elements[name];
  let upload = null; // the server's answer to a file: {upload, kind, name, examples, ...}
  let wanted = parameter("upload"); // a file not yet described
  let turn = 0; // raised with each file: an answer to an earlier one no longer matters
  const preview = createTablePreview(page, {
    changed: (options) =>
      take(
        upload.name,
        server.uploaded({ upload: upload.upload, ...options }).catch(() => {}),
      ),
  });
  let drawings = 0;
  for (const name of NUMBERS) [field(name).min, field(name).max] = props.limits[name];
  const sliders = createSliders(page, form);
  const help = createHelp(page, form);

  const model = () => props.models[field("model").value];
  const optimizer = () => props.optimizers[field("optimizer").value];

  // -- what there is to choose --

  function fillSelect(name, values, label) {
    const before = field(name).value;
    field(name).replaceChildren(...values.map((value) => new Option(label(value), value)));
    if (values.includes(before)) field(name).value = before;
  }

  function showChoices() {
    fillSelect("model", Object.keys(props.models), (name) => text(`train.model.${name}`));
    fillSelect("data", model().data, (name) => text(`train.data.${name}`));
    fillSelect("optimizer", Object.keys(props.optimizers), (name) => OPTIMIZER_NAMES[name]);
    const own = model().activations;
    fillSelect("activation", own.length ? own : [""], (name) =>
      name === "" ? text("train.activation.own") : ACTIVATION_NAMES[name],
    );
    fillSelect("reduction", REDUCTIONS, (name) => text(`train.reduction.${name}`));
  }

  function showWhatApplies() {
    const { reads_digits: readsDigits, activations } = model();
    const data = field("data").value;
    find(".train").classList.toggle("tables", !readsDigits);
    field("activation").disabled = activations.length === 0;
    field("momentum").disabled = !optimizer().has_momentum;
    field("weight_decay").disabled = optimizer().weight_decay === null;
    field("augment").disabled = !readsDigits;
    for (const name of ["standardize", "reduction"]) field(name).disabled = readsDigits;
    find("#train-course").disabled = model().course === null;
    find(".preview").hidden = data !== "table" || upload?.kind !== "table";
    find("#train-upload").hidden = data !== "images" && data !== "table";
    find("#train-file").accept = data === "images" ? ".zip" : TABLE_FILES;
    find("#train-file-note").textContent = fileNote(data);
    find("#train-own").hidden = data !== "drawings";
    find("#train-own").textContent = text(drawings === 0 ? "train.own.none" : "train.own", {
      count: drawings,
    });
    find("#train-mix").hidden = !readsDigits || data === "drawings" || drawings === 0;
    find("#train-mix span").textContent = text("train.mix", { count: drawings });
    sliders.sync();
    described(describeModel(readsDigits, data));
  }

  function describeModel(readsDigits, data) {
    const chosen = { model: field("model").value };
    if (!field("activation").disabled) chosen.activation = field("activation").value;
    if (readsDigits) return chosen;
    if (data !== "table") return { ...chosen, features: props.table_features[data] };
    if (upload?.kind !== "table") return null;
    return { ...chosen, features: upload.features, classes: upload.classes.length };
  }

  function fileNote(data) {
    if (upload?.kind === data) return text("train.file", upload);
    return text(data === "images" ? "train.file.images" : "train.file.table");
  }

  function setSettings(settings) {
    for (const name of NUMBERS) field(name).value = settings[name] ?? 0;
    for (const name of OPTIONS) field(name).checked = settings[name];
    field("optimizer").value = settings.optimizer;
    field("reduction").value = settings.reduction ?? model().reduction ?? REDUCTIONS[0];
    if (settings.activation === null) field("activation").selectedIndex = 0;
    else field("activation").value = settings.activation;
  }

  function modelChanged() {
    showChoices();
    setSettings(model().settings);
    field("data").value = model().data[0];
    showWhatApplies();
  }

  function optimizerChanged() {
    const {
      lr,
      weight_decay: decay,
      has_momentum: hasMomentum,
      full_batch: fullBatch,
    } = optimizer();
    field("lr").value = lr;
    field("weight_decay").value = decay ?? 0;
    if (!hasMomentum) field("momentum").value = 0;
    if (fullBatch) field("batch_size").value = 0;
  }

  // -- checking --

  function errorOf(name) {
    const input = field(name);
    if (input.disabled) return null;
    const [min, max] = props.limits[name];
    const value = input.valueAsNumber;
    const fits = value >= min && value <= max && (input.step !== "1" || Number.isInteger(value));
    return fits ? null : numberError(page, name, input);
  }

  // Returns the first problem as text, or null.
  function check() {
    const wrong = NUMBERS.filter((name) => errorOf(name) !== null);
    for (const name of NUMBERS) field(name).setAttribute("aria-invalid", wrong.includes(name));
    return wrong.length ? errorOf(wrong[0]) : null;
  }

  function showError(message) {
    find("#train-error").textContent = message;
  }

  // -- the address --

  // runs: {parameter: the ids of runs}
  function toAddress(runs, options = {}) {
    writeAddress((parameters) => {
      const put = (name, value) =>
        value === null || value === "" ? parameters.delete(name) : parameters.set(name, value);
      const putField = (name, value) => put(name, field(name).disabled ? null : value);
      for (const name of [...SELECTS, ...NUMBERS]) putField(name, field(name).value);
      for (const name of [...OPTIONS, "with_drawings"]) putField(name, Number(field(name).checked));
      put("backend", field("backend").value);
      put("upload", find("#train-upload").hidden ? null : (upload?.upload ?? wanted));
      for (const [name, ids] of Object.entries(runs)) put(name, ids.join(","));
    }, options);
  }

  function fromAddress() {
    const given = new URLSearchParams(location.search);
    const select = (name) => {
      const options = [...field(name).options].map((option) => option.value);
      if (options.includes(given.get(name))) field(name).value = given.get(name);
    };
    select("model");
    modelChanged();
    for (const name of SELECTS.slice(1)) select(name);
    for (const name of NUMBERS) if (given.has(name)) field(name).value = given.get(name);
    for (const name of [...OPTIONS, "with_drawings"]) {
      if (given.has(name)) field(name).checked = given.get(name) === "1";
    }
    if (BACKENDS.includes(given.get("backend"))) field("backend").value = given.get("backend");
    showWhatApplies();
  }

  // -- what a run is started with, or was --

  // Shows what a run was started with: the server's answer `opened`.
  function show({ settings, request: asked, file }) {
    field("model").value = settings.model;
    modelChanged();
    setSettings(settings);
    field("backend").value = asked.backend ?? settings.backend;
    if (asked.data) field("data").value = asked.data;
    field("with_drawings").checked = Boolean(asked.drawings);
    if (file) setUpload(file);
    showWhatApplies();
    showError("");
  }

  // The file in the address, which this window or another one has sent.
  async function findUpload() {
    if (wanted === null) return;
    const answer = await server.uploaded({ upload: wanted }).catch(() => undefined);
    wanted = null;
    if (!answer || upload !== null) return;
    if (answer.error) showError(messageText(answer.error));
    else setUpload(answer);
    showWhatApplies();
  }

  function request(drawn) {
    const asked = Object.fromEntries(
      ["model", "data", "backend", "optimizer"].map((name) => [name, field(name).value]),
    );
    for (const name of NUMBERS) if (!field(name).disabled) asked[name] = field(name).valueAsNumber;
    for (const name of OPTIONS) asked[name] = field(name).checked && !field(name).disabled;
    for (const name of ["activation", "reduction"]) {
      if (!field(name).disabled) asked[name] = field(name).value;
    }
    if (!find("#train-upload").hidden) asked.upload = upload?.upload ?? null;
    const mixes = !find("#train-mix").hidden && field("with_drawings").checked;
    if (asked.data === "drawings" || mixes) asked.drawings = drawn;
    return asked;
  }

  function setUpload(answer) {
    upload = answer;
    if (answer.kind === "table") preview.show(answer);
  }

  // answering: a promise of the server's answer to a file
  async function take(name, answering) {
    const mine = ++turn;
    find("#train-file-note").textContent = text("train.reading", { name });
    const answer = (await answering) ?? { error: text("train.failed") };
    if (turn !== mine) return;
    showError(messageText(answer.error ?? ""));
    if (answer.error) {
      preview.paint(); // as the server last understood it
      return showWhatApplies();
    }
    setUpload(answer);
    if (model().data.includes(answer.kind)) field("data").value = answer.kind;
    showWhatApplies();
    changed();
  }

  form.addEventListener("change", ({ target }) => {
    if (target.type === "file") {
      const [file] = target.files;
      if (file) take(file.name, sendFile(page, file, server.upload));
      target.value = ""; // so that the same file can be chosen again
      return;
    }
    if (!target.name) return;
    if (target.name === "model") modelChanged();
    if (target.name === "optimizer") optimizerChanged();
    showWhatApplies();
    showError(check() ?? "");
    changed();
  });
  function reset(settings) {
    setSettings(settings);
    showWhatApplies();
    showError(check() ?? "");
    changed();
  }
  find("#train-reset").addEventListener("click", () => reset(model().settings));
  find("#train-course").addEventListener("click", () => reset(model().course));

  showChoices();
  field("model").value = "cnn";
  fromAddress();
  findUpload();

  return {
    check,
    showError,
    request,
    show,
    toAddress,
    fromAddress,
    // Settings with which a first model is trained soon.
    setFirst() {
      field("model").value = FIRST.model;
      modelChanged();
      for (const [name, value] of Object.entries(FIRST)) field(name).value = value;
      field("augment").checked = false;
      showWhatApplies();
      showError("");
    },
    translate() {
      help.translate();
      showChoices();
      showWhatApplies();
      preview.paint();
      showError(check() ?? "");
    },
    // Adds the own drawings to the data; of a model, if one is given, with its defaults.
    addDrawings(name = null) {
      if (name !== null) {
        field("model").value = name;
        modelChanged();
      }
      field("with_drawings").checked = true;
      showWhatApplies();
    },
    setDrawings(count) {
      drawings = count;
      showWhatApplies();
    },
  };
}
