// The form of the Train page: what a run is to be like. Fields that a model or an optimizer does not know are
// disabled; the whole of it sits in the page's address.
//
// Also what to say of a number that is out of its limits: badNumber(field's name, the input).

function badNumber(name, input) {
  const limit = (value) => (value !== 0 && value < 1e-3 ? String(value) : value.toLocaleString(props.value));
  const [least, most] = props.limits[name].map(limit);
  const values = { name: text(`train.${name}`), least, most, got: input.value || "–" };
  return text(input.step === "1" ? "train.bad_whole" : "train.bad_number", values);
}

// Sends a file to a function of the server; {error} where that fails.
async function sendFile(file, ask) {
  const most = 6e6; // bytes: what the server takes, less what base64 adds
  if (file.size > most) {
    return { error: text("train.file.large", { name: file.name, size: number(file.size / 1e6, 1) }) };
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return (await ask({ name: file.name, content: btoa(binary) })) ?? { error: text("train.failed") };
}

// createForm({changed}) where changed() is called whenever a setting has
function createForm({ changed }) {
  const form = find("#train-form");
  const field = (name) => form.elements[name];
  const NUMBERS = ["epochs", "batch_size", "lr", "momentum", "weight_decay", "seed"];
  const SELECTS = ["model", "data", "optimizer", "activation"];
  const CHECKS = ["augment", "one_cycle", "with_drawings"];
  const OPTIMIZER_NAMES = {
    sgd: "SGD", adagrad: "Adagrad", rmsprop: "RMSprop", adam: "Adam", adamw: "AdamW", adamax: "Adamax",
    asgd: "ASGD", rprop: "Rprop", lbfgs: "L-BFGS",
  };
  const ACTIVATION_NAMES = { sigmoid: "Sigmoid", relu: "ReLU", tanh: "tanh", gelu: "GELU" };
  let upload = null; // what the server said of the file: {upload, kind, name, examples, features}
  let drawings = 0;

  const model = () => props.models[field("model").value];
  const optimizer = () => props.optimizers[field("optimizer").value];

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
      name === "" ? text("train.activation.own") : ACTIVATION_NAMES[name]);
  }

  function showWhatApplies() {
    find(".train").classList.toggle("tables", !model().reads_digits);
    field("activation").disabled = model().activations.length === 0;
    field("momentum").disabled = !optimizer().has_momentum;
    field("weight_decay").disabled = optimizer().weight_decay === null;
    field("augment").disabled = !model().reads_digits;
    const data = field("data").value;
    const sent = data === "images" || data === "table";
    find("#train-upload").hidden = !sent;
    find("#train-file").accept = data === "images" ? ".zip" : ".csv,.txt,.gz";
    const fits = upload !== null && upload.kind === data;
    const note = fits ? "train.file" : data === "images" ? "train.file.images" : "train.file.table";
    find("#train-file-note").textContent = text(note, upload ?? {});
    find("#train-own").hidden = data !== "drawings";
    find("#train-own").textContent = text(drawings === 0 ? "train.own.none" : "train.own", { count: drawings });
    find("#train-mix").hidden = !model().reads_digits || data === "drawings" || drawings === 0;
    find("#train-mix span").textContent = text("train.mix", { count: drawings });
  }

  function setDefaults() {
    const settings = model().settings;
    for (const name of NUMBERS) field(name).value = settings[name];
    field("optimizer").value = settings.optimizer;
    field("data").value = model().data[0];
    for (const name of ["augment", "one_cycle"]) field(name).checked = settings[name];
    field("activation").selectedIndex = 0;
  }

  function modelChanged() {
    showChoices();
    setDefaults();
    showWhatApplies();
  }

  // -- checking --

  function complaint(name) {
    const input = field(name);
    if (input.disabled) return null;
    const [least, most] = props.limits[name];
    const value = input.valueAsNumber;
    const fits = value >= least && value <= most && (input.step !== "1" || Number.isInteger(value));
    return fits ? null : badNumber(name, input);
  }

  // The first thing that is wrong, in words; null if all is well.
  function check() {
    const wrong = NUMBERS.filter((name) => complaint(name) !== null);
    for (const name of NUMBERS) field(name).setAttribute("aria-invalid", wrong.includes(name));
    return wrong.length ? complaint(wrong[0]) : null;
  }

  // -- the address --

  function toAddress(runs) {
    const address = new URL(location);
    const put = (name, value) =>
      value === "" || value === null ? address.searchParams.delete(name) : address.searchParams.set(name, value);
    for (const name of [...SELECTS, ...NUMBERS]) put(name, field(name).disabled ? null : field(name).value);
    for (const name of CHECKS) put(name, field(name).disabled ? null : Number(field(name).checked));
    put("backend", field("backend").value);
    put("upload", find("#train-upload").hidden ? null : (upload?.upload ?? null));
    put("run", runs.length ? runs.join(",") : null);
    history.replaceState(history.state, "", address);
  }

  function fromAddress() {
    const given = new URLSearchParams(location.search);
    const choose = (name) => {
      const options = [...field(name).options].map((option) => option.value);
      if (options.includes(given.get(name))) field(name).value = given.get(name);
    };
    if (given.has("model")) choose("model");
    modelChanged();
    for (const name of ["data", "optimizer", "activation"]) choose(name);
    for (const name of NUMBERS) if (given.has(name)) field(name).value = given.get(name);
    for (const name of CHECKS) if (given.has(name)) field(name).checked = given.get(name) === "1";
    if (["fused", "native", "both"].includes(given.get("backend"))) field("backend").value = given.get("backend");
    showWhatApplies();
  }

  // The settings of a run that is shown.
  function show(settings) {
    field("model").value = settings.model;
    modelChanged();
    for (const name of NUMBERS) field(name).value = settings[name] ?? 0;
    for (const name of ["augment", "one_cycle"]) field(name).checked = settings[name];
    field("optimizer").value = settings.optimizer;
    if (settings.activation !== null) field("activation").value = settings.activation;
    field("backend").value = settings.backend;
    showWhatApplies();
    complain("");
  }

  // What to ask the server for.
  function question(drawn) {
    const asked = { model: field("model").value, data: field("data").value, backend: field("backend").value };
    asked.optimizer = field("optimizer").value;
    for (const name of NUMBERS) if (!field(name).disabled) asked[name] = field(name).valueAsNumber;
    for (const name of ["augment", "one_cycle"]) asked[name] = field(name).checked && !field(name).disabled;
    if (!field("activation").disabled) asked.activation = field("activation").value;
    if (!find("#train-upload").hidden) asked.upload = upload?.upload ?? null;
    const mixes = !find("#train-mix").hidden && field("with_drawings").checked;
    if (asked.data === "drawings" || mixes) asked.drawings = drawn;
    return asked;
  }

  async function send(file) {
    const answer = await sendFile(file, server.upload);
    complain(said(answer.error ?? ""));
    if (answer.error) return;
    upload = answer;
    if (model().data.includes(answer.kind)) field("data").value = answer.kind;
    showWhatApplies();
    changed();
  }

  const complain = (message) => (find("#train-error").textContent = message);

  form.addEventListener("change", (event) => {
    const name = event.target.name;
    if (event.target.type === "file") {
      if (event.target.files.length) send(event.target.files[0]);
      event.target.value = ""; // so that the same file can be chosen again
      return;
    }
    if (name === "model") modelChanged();
    if (name === "optimizer") {
      field("lr").value = optimizer().lr;
      field("weight_decay").value = optimizer().weight_decay ?? 0;
      if (!optimizer().has_momentum) field("momentum").value = 0;
      if (optimizer().full_batch) field("batch_size").value = 0;
    }
    showWhatApplies();
    complain(check() ?? "");
    changed();
  });
  find("#train-reset").addEventListener("click", () => {
    modelChanged();
    complain(check() ?? "");
    changed();
  });

  showChoices();
  field("model").value = "cnn";
  fromAddress();

  return {
    check, complain, question, show, toAddress,
    translate() {
      showChoices();
      showWhatApplies();
      complain(check() ?? "");
    },
    tellDrawings(count) {
      drawings = count;
      showWhatApplies();
    },
  };
}
