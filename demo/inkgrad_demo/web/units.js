// Times and factors, in three digits.

function digits(value) {
  const rounded = Number(value.toPrecision(3));
  return number(rounded, rounded < 10 ? 2 : rounded < 100 ? 1 : 0);
}

function duration(seconds) {
  for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["µs", 1e-6]]) {
    if (seconds >= 0.9995 * size) return `${digits(seconds / size)} ${unit}`;
  }
  return `${digits(seconds / 1e-9)} ns`;
}

const megabytes = (bytes) => `${number(bytes / 1e6, 1)} MB`;
