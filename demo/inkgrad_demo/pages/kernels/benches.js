// What has been measured, beside what comes with inkgrad: the charts and the table. The form chooses the op, the
// number type and the number of threads that the charts show.

function createBenches(form) {
  const KEPT = 24; // rows measured on this page
  const DIRECTIONS = ["forward", "forward+backward"];
  const named = (direction) => text(direction === "forward" ? "kernels.direction.forward" : "kernels.direction.both");
  let committed = { environment: null, ceilings: [], results: [] };
  let measured = []; // newest first
  let ceilings = []; // newest first
  let received = 0;
  let limited = false; // the ceilings of the job under way are known

  // -- what is known --

  const same = (a) => (b) => ["op", "case", "direction", "dtype", "threads"].every((name) => a[name] === b[name]);
  const committedRatio = (row) => committed.results.find(same(row))?.ratio.native.median ?? null;

  // Measured rows of what is chosen, then the committed ones of other cases.
  function rows() {
    const fresh = measured.filter(form.shows).map((row) => ({ ...row, fresh: true }));
    const old = committed.results.filter((row) => form.shows(row) && !fresh.some(same(row)));
    const main = old.filter((row) => row.main);
    return [...fresh, ...(main.length ? main : old).map((row) => ({ ...row, fresh: false }))];
  }

  function groups(all) {
    const byCase = new Map();
    for (const row of all) {
      if (!byCase.has(row.case)) byCase.set(row.case, []);
      byCase.get(row.case).push({ ...row, ratio: row.ratio.native, committed: row.fresh ? committedRatio(row) : null });
    }
    const place = ({ direction }) => DIRECTIONS.indexOf(direction);
    return [...byCase].map(([name, bars]) => ({ name, bars: bars.sort((a, b) => place(a) - place(b)) }));
  }

  // Less than the process's own coming and going tells nothing.
  const LEAST_MEMORY = 2 ** 18;

  function memory({ native, ours }) {
    if (ours === null) return "–";
    const bytes = (size) => (size < LEAST_MEMORY ? `< ${megabytes(LEAST_MEMORY)}` : megabytes(size));
    return `${bytes(native)} → ${bytes(ours)}`;
  }

  // -- painting --

  function paint() {
    const all = rows();
    paintSpeedups(find("#kernels-speedup"), groups(all));
    const ceiling = [...ceilings, ...committed.ceilings]
      .find((found) => found.threads === form.threads && form.dtype in found.gflops) ?? null;
    paintRoofline(find("#kernels-roofline"), ceiling, all, form.dtype);
    find("#kernels-speedup").setAttribute("aria-label", text("kernels.bench.speedup_label", {
      rows: all.map((row) => `${row.case}, ${named(row.direction)}: ${digits(row.ratio.native.median)}`).join("; "),
    }));
    find("#kernels-roofline").setAttribute("aria-label", text("kernels.bench.roofline"));
    paintKey();
    paintTable();
    paintCommitted();
  }

  function paintKey() {
    find("#kernels-speedup-key").innerHTML =
      DIRECTIONS.map((direction) => `<span class="${direction === "forward" ? "forward" : "both"}">■ ${named(direction)}</span>`).join("") +
      `<span>${text("kernels.bench.speedup_key")}</span>`;
  }

  function paintTable() {
    const table = find("#kernels-rows");
    table.replaceChildren();
    find("#kernels-noisy").hidden = !measured.some((row) => row.noisy);
    if (measured.length === 0) return;
    const heads = ["case", "direction", "native", "ours", "ratio", "committed", "ceiling", "error", "memory"];
    const titles = heads.map((head) => `<th scope="col">${text(props.column_texts[head])}</th>`).join("");
    table.innerHTML = `<thead><tr>${titles}</tr></thead><tbody></tbody>`;
    for (const row of measured) {
      const cells = [
        named(row.direction),
        duration(row.seconds.native.median),
        duration(row.seconds.ours.median),
        `<b>${digits(row.ratio.native.median)}×</b> <small>${digits(row.ratio.native.lower)}–${digits(row.ratio.native.upper)}${row.noisy ? " ~" : ""}</small>`,
        committedRatio(row) === null ? "–" : `${digits(committedRatio(row))}×`,
        row.ceiling ? `${number(100 * row.ceiling.native, 0)} → ${number(100 * row.ceiling.ours, 0)} %` : "–",
        row.errors ? `${scientific(row.errors.output?.native ?? 0)} → ${scientific(row.errors.output?.ours ?? 0)}` : "–",
        memory(row.peak_bytes),
      ];
      const { op: name, case: which, dtype, threads: count } = row;
      const where = `${which.includes(dtype) || dtype === "float32" ? "" : `${dtype}, `}${text("kernels.bench.on_threads", { count })}`;
      table.tBodies[0].insertAdjacentHTML("beforeend",
        `<tr><th scope="row">${name}<small>${which} · ${where}</small></th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
    }
  }

  function paintCommitted() {
    const { environment } = committed;
    find("#kernels-committed").textContent = environment === null
      ? text("kernels.bench.no_committed")
      : text("kernels.bench.committed", {
          processor: environment.processor,
          processors: environment.processors,
          kernels: environment.build.cpu_library_loaded,
          date: environment.date.slice(0, 10),
          commit: environment.commit ?? "–",
        });
  }

  return {
    paint,
    begun() {
      [received, limited] = [0, false];
      paint();
    },
    told({ ceiling, result, done }) {
      if (ceiling) {
        limited = true;
        ceilings.unshift(ceiling);
      }
      if (result) {
        received += 1;
        measured = [result, ...measured].slice(0, KEPT);
      }
      if (done) find("#kernels-bench .trouble").textContent = done.failures.map(({ error }) => error).join("\n");
      paint();
    },
    status: () => ({
      text: limited
        ? text("kernels.bench.measuring", { number: Math.min(received + 1, DIRECTIONS.length), total: DIRECTIONS.length })
        : text("kernels.bench.limiting"),
      share: (received + (limited ? 0.5 : 0.2)) / (DIRECTIONS.length + 0.5),
    }),
    setCommitted(found) {
      committed = found;
      paint();
    },
  };
}
