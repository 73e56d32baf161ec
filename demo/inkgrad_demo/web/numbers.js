// Numbers as text, in the page's language.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const superscript = (exponent) =>
  [...exponent].map((sign) => SUPERSCRIPTS[sign] ?? { "-": "⁻", "+": "" }[sign]).join("");

const needsExponent = (size) => size !== 0 && (size < 1e-3 || size >= 1e5);

// language() returns the code of the language that numbers are written in.
export function createNumbers(language) {
  function number(value, decimals) {
    const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    return value.toLocaleString(language(), options);
  }

  // 1.2 × 10⁻⁷
  function scientific(value) {
    if (value === 0) return "0";
    const [mantissa, exponent] = value.toExponential(1).split("e");
    return `${number(Number(mantissa), 1)} × 10${superscript(exponent)}`;
  }

  // At most `digits` significant digits, without trailing zeros.
  function brief(value, digits = 4) {
    if (needsExponent(Math.abs(value))) return scientific(value);
    const options = { maximumFractionDigits: 6 };
    return Number(value.toPrecision(digits)).toLocaleString(language(), options);
  }

  // About four significant digits, always as many decimals: a value that changes does not jump.
  function steady(value) {
    const size = Math.abs(value);
    if (needsExponent(size)) return scientific(value);
    return number(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
  }

  // The label of a tick. `decimals` is null on a logarithmic axis: powers of ten stand there.
  function tickLabel(value, decimals) {
    if (decimals !== null && decimals <= 6 && Math.abs(value) < 1e6) return number(value, decimals);
    if (decimals === null && !needsExponent(value)) return brief(value, 3);
    const [mantissa, exponent] = value.toExponential(1).split("e");
    const factor = Number(mantissa) === 1 ? "" : `${brief(Number(mantissa))} × `;
    return value === 0 ? "0" : `${factor}10${superscript(exponent)}`;
  }

  function threeDigits(value) {
    const rounded = Number(value.toPrecision(3));
    return number(rounded, rounded < 10 ? 2 : rounded < 100 ? 1 : 0);
  }

  function duration(seconds) {
    const units = [
      ["s", 1],
      ["ms", 1e-3],
      ["µs", 1e-6],
    ];
    const [unit, size] = units.find((each) => seconds >= 0.9995 * each[1]) ?? ["ns", 1e-9];
    return `${threeDigits(seconds / size)} ${unit}`;
  }

  // "100 %" stands for all and not for a rounded number.
  function percent(share, decimals = 1) {
    const rounded = number(100 * share, decimals);
    if (rounded !== number(100, decimals)) return `${rounded} %`;
    return share === 1 ? `${number(100, 0)} %` : `> ${number(100 - 10 ** -decimals, decimals)} %`;
  }

  return {
    number,
    scientific,
    brief,
    steady,
    tickLabel,
    threeDigits,
    duration,
    percent,
    // No network is sure: a probability of 1 is a rounded one.
    probability: (share) => percent(Math.min(share, 1 - Number.EPSILON)),
    megabytes: (bytes) => `${number(bytes / 1e6, 1)} MB`,
  };
}
