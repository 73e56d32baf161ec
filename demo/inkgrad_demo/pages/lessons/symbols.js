// The symbols of the lessons and where they stand: in formulas, in code, and in widgets.
//
//   formula  the symbol as MathML's text, without spaces
//   code     identifiers of the programs
//   widget   words of a widget, and names of its inputs and values
//   figure   classes of a widget's charts that show it
export const SYMBOLS = {
  x: {
    symbol: "x",
    color: "blue",
    formula: ["x", "X"],
    code: ["x", "X", "x_data", "inputs"],
    widget: ["x", "X", "leaf-x", "hours"],
    figure: [],
  },
  w: {
    symbol: "w",
    color: "violet",
    formula: ["w", "w1", "w2", "W"],
    code: ["w", "w_list", "weight"],
    widget: ["w", "w1", "w2", "leaf-w", "leaf-w1", "leaf-w2", "start_w", "saddle_w", "weight"],
    figure: ["surface"],
  },
  b: {
    symbol: "b",
    color: "pink",
    formula: ["b"],
    code: ["b", "bias"],
    widget: ["b", "leaf-b", "start_b", "bias"],
    figure: [],
  },
  z: {
    symbol: "z",
    color: "amber",
    formula: ["z", "Z"],
    code: ["z"],
    widget: ["z"],
    figure: [],
  },
  sigma: {
    symbol: "σ",
    color: "pink",
    formula: ["σ"],
    code: ["sigmoid", "LinearSigmoid", "softmax"],
    widget: ["σ", "σ(z)", "sigmoid"],
    figure: [],
  },
  y_hat: {
    symbol: "ŷ",
    color: "green",
    formula: ["y^", "ŷ", "Y^", "Ŷ"],
    code: ["y_pred", "predicted", "forward", "model"],
    widget: ["ŷ", "y_pred", "prediction"],
    figure: ["line"],
  },
  y: {
    symbol: "y",
    color: "amber",
    formula: ["y"],
    code: ["y", "y_data", "labels"],
    widget: ["y", "leaf-y", "label"],
    figure: [],
  },
  loss: {
    symbol: "loss",
    color: "red",
    formula: ["loss", "cost", "MSE", "L"],
    code: ["loss", "l", "cost", "costs", "mse", "mse_list", "criterion"],
    widget: ["loss", "cost", "MSE", "mse", "CrossEntropyLoss", "by_torch"],
    figure: ["curve", "losses"],
  },
  lr: {
    symbol: "lr",
    color: "blue",
    formula: ["lr"],
    code: ["lr"],
    widget: ["lr", "saddle_lr", "plane_lr", "factor"],
    figure: [],
  },
  gradient: {
    symbol: "grad",
    color: "violet",
    formula: ["grad"],
    code: ["grad", "gradient", "backward"],
    widget: ["grad", "gradient"],
    figure: [],
  },
  u: {
    symbol: "u",
    color: "green",
    formula: ["u"],
    code: ["u"],
    widget: ["u"],
    figure: [],
  },
  kernel: {
    symbol: "kernel",
    color: "violet",
    formula: ["kernel"],
    code: ["Conv2d", "ConvReluMaxPool2d", "conv1", "conv2", "kernel_size"],
    widget: ["kernel", "filter", "side", "rgb_kernel"],
    figure: [],
  },
  batch: {
    symbol: "batch",
    color: "blue",
    formula: [],
    code: ["batch_size", "loader", "DataLoader"],
    widget: ["batch_size"],
    figure: [],
  },
  epoch: {
    symbol: "epoch",
    color: "green",
    formula: [],
    code: ["epoch"],
    widget: ["epochs"],
    figure: [],
  },
  shuffle: {
    symbol: "shuffle",
    color: "pink",
    formula: [],
    code: ["shuffle"],
    widget: ["shuffle"],
    figure: [],
  },
  padding: {
    symbol: "padding",
    color: "amber",
    formula: ["padding"],
    code: ["padding"],
    widget: ["padding"],
    figure: [],
  },
  stride: {
    symbol: "stride",
    color: "pink",
    formula: ["stride"],
    code: ["stride"],
    widget: ["stride"],
    figure: [],
  },
};

const PLACES = ["formula", "code", "widget", "figure"];

// {place: {word: name of the symbol}}
export const NAMES = Object.fromEntries(
  PLACES.map((place) => [
    place,
    new Map(
      Object.entries(SYMBOLS).flatMap(([name, each]) => each[place].map((word) => [word, name])),
    ),
  ]),
);
