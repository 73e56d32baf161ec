// Measurements beside the results shipped with inkgrad: the charts and the table. The form selects
// the op, the number type and the number of threads that the charts show.
import { createRoofline } from "./roofline.js";
import { createSpeedups } from "./speedup.js";

const MAX_ROWS = 24; // measured on this page
const DIRECTIONS = ["forward", "forward+backward"];
const MIN_MEMORY = 2 ** 18; // bytes: less is noise of the process itself
const COLUMNS = [
  "case",
  "direction",
  "native",
  "ours",
  "ratio",
  "committed",
  "roofline",
  "error",
  "memory",
];
// Shares above these mean that the peaks were measured too low. Ours may exceed 1, because Winograd
// convolutions need as little as a quarter of the products.
const MAX_SHARE = { native: 1.2, ours: 4 };
const IDENTITY = ["op", "case", "direction", "dtype", "threads"];

const isSame = (row) => (other) => IDENTITY.every((name) => row[name] === other[name]);

export function createBenchResults(page, form) {
  const { find, props, text, number, scientific, threeDigits, duration, megabytes } = page;
  const directionName = (direction) =>
    text(direction === "forward" ? "kernels.direction.forward" : "kernels.direction.both");
  let committed = { environment: null, rooflines: [], results: [] };
  let measured = []; // newest first
  let rooflines = []; // newest first
  let received = 0; // results of the job under way
  let hasRoofline = false; // the job under way has measured it

  // -- what is known --

  const committedRatio = (row) => committed.results.find(isSame(row))?.ratio.native.median ?? null;

  // Measured rows of what is selected, then the committed ones of other cases.
  function rows() {
    const fresh = measured.filter(form.matches).map((row) => ({ ...row, fresh: true }));
    const old = committed.results.filter((row) => form.matches(row) && !fresh.some(isSame(row)));
    const main = old.filter((row) => row.main);
    return [...fresh, ...(main.length ? main : old).map((row) => ({ ...row, fresh: false }))];
  }

  function groups() {
    const byCase = new Map();
    for (const row of rows()) {
      const bar = {
        ...row,
        ratio: row.ratio.native,
        committed: row.fresh ? committedRatio(row) : null,
      };
      byCase.set(row.case, [...(byCase.get(row.case) ?? []), bar]);
    }
    const order = ({ direction }) => DIRECTIONS.indexOf(direction);
    return [...byCase].map(([name, bars]) => ({
      name,
      bars: bars.sort((one, other) => order(one) - order(other)),
    }));
  }

  function peaks() {
    const known = [...rooflines, ...committed.rooflines];
    const found = known.find((each) => each.threads === form.threads && form.dtype in each.gflops);
    return found ? { peak: found.gflops[form.dtype], gbytes: found.gbytes } : null;
  }

  // -- painting --

  const speedupText = (row) =>
    `${row.case}, ${directionName(row.direction)}: ${threeDigits(row.ratio.native.median)}`;

  const speedups = createSpeedups(page, find("#kernels-speedup"), {
    groups,
    directionName,
    label: () => text("kernels.bench.speedup_label", { rows: rows().map(speedupText).join("; ") }),
  });
  const roofline = createRoofline(page, find("#kernels-roofline"), {
    rows,
    peaks,
    directionName,
  });

  function paint() {
    speedups.repaint();
    roofline.repaint();
    paintKey();
    paintTable();
    paintCommitted();
  }

  function paintKey() {
    const entries = DIRECTIONS.map((direction) => {
      const className = direction === "forward" ? "forward" : "both";
      return `<span class="${className}">■ ${directionName(direction)}</span>`;
    });
    const key = `<span>${text("kernels.bench.speedup_key")}</span>`;
    find("#kernels-speedup-key").innerHTML = entries.join("") + key;
  }

  function memoryText({ native, ours }) {
    if (ours === null) return "–";
    const sizeText = (bytes) =>
      bytes < MIN_MEMORY ? `< ${megabytes(MIN_MEMORY)}` : megabytes(bytes);
    return `${sizeText(native)} → ${sizeText(ours)}`;
  }

  function ratioText({ ratio: { native }, noisy }) {
    const interval = `${threeDigits(native.lower)}–${threeDigits(native.upper)}${noisy ? " ~" : ""}`;
    return `<b>${threeDigits(native.median)}×</b> <small>${interval}</small>`;
  }

  // The time, and each kernel that ran.
  function oursText({ seconds, kernel }) {
    const names = [...new Set(Object.values(kernel ?? {}))].join(", ");
    return `${duration(seconds.ours.median)}${names && ` <small>${names}</small>`}`;
  }

  const isUnreliable = ({ roofline: shares }) =>
    shares && (shares.native > MAX_SHARE.native || shares.ours > MAX_SHARE.ours);

  function rooflineText(row) {
    const { roofline: shares } = row;
    if (!shares) return "–";
    if (isUnreliable(row)) return text("kernels.bench.unreliable");
    return `${number(100 * shares.native, 0)} → ${number(100 * shares.ours, 0)} %`;
  }

  function errorText({ errors }) {
    if (!errors) return "–";
    const { native = 0, ours = 0 } = errors.output ?? {};
    return `${scientific(native)} → ${scientific(ours)}`;
  }

  function rowHtml(row) {
    const { op, case: name, dtype, threads } = row;
    const reference = committedRatio(row);
    const cells = [
      directionName(row.direction),
      duration(row.seconds.native.median),
      oursText(row),
      ratioText(row),
      reference === null ? "–" : `${threeDigits(reference)}×`,
      rooflineText(row),
      errorText(row),
      memoryText(row.peak_bytes),
    ];
    const dtypeText = name.includes(dtype) || dtype === "float32" ? "" : `${dtype}, `;
    const where = `${name} · ${dtypeText}${text("kernels.bench.on_threads", { count: threads })}`;
    const columns = cells.map((cell) => `<td>${cell}</td>`).join("");
    return `<tr><th scope="row">${op}<small>${where}</small></th>${columns}</tr>`;
  }

  function paintTable() {
    const table = find("#kernels-rows");
    find("#kernels-noisy").hidden = !measured.some((row) => row.noisy || isUnreliable(row));
    const heads = COLUMNS.map((name) => `<th scope="col">${text(props.column_texts[name])}</th>`);
    const head = `<thead><tr>${heads.join("")}</tr></thead>`;
    table.innerHTML = measured.length
      ? `${head}<tbody>${measured.map(rowHtml).join("")}</tbody>`
      : "";
  }

  function paintCommitted() {
    const { environment } = committed;
    const values = environment && {
      processor: environment.processor,
      processors: environment.processors,
      kernels: environment.build.cpu_library_loaded,
      date: environment.date.slice(0, 10),
      commit: environment.commit ?? "–",
    };
    find("#kernels-committed").textContent =
      environment === null
        ? text("kernels.bench.no_committed")
        : text("kernels.bench.committed", values);
  }

  return {
    paint,
    begin() {
      [received, hasRoofline] = [0, false];
      paint();
    },
    receive({ roofline: found, result, done }) {
      if (found) {
        hasRoofline = true;
        rooflines = [found, ...rooflines];
      }
      if (result) {
        received += 1;
        measured = [result, ...measured].slice(0, MAX_ROWS);
      }
      if (done) {
        const problems = done.failures.map(({ error }) => error);
        find("#kernels-bench .trouble").textContent = problems.join("\n");
      }
      paint();
    },
    status() {
      const total = DIRECTIONS.length;
      const values = { number: Math.min(received + 1, total), total };
      return {
        text: hasRoofline
          ? text("kernels.bench.measuring", values)
          : text("kernels.bench.limiting"),
        share: (received + (hasRoofline ? 0.5 : 0.2)) / (total + 0.5),
      };
    },
    setCommitted(found) {
      committed = found;
      paint();
    },
  };
}
