// A confusion matrix as a table: what is right in green, what is wrong the redder the more of it there is.
function confusionTable(counts, caption) {
  const table = document.createElement("table");
  table.className = "confusion";
  const most = Math.max(1, ...counts.flatMap((row, label) => row.filter((_, answer) => answer !== label)));
  const head = counts.map((_, answer) => `<th scope="col">${answer}</th>`).join("");
  const rows = counts.map((row, label) => {
    const cells = row.map((count, answer) => {
      const kind = label === answer ? "right" : count ? "wrong" : "none";
      return `<td class="${kind}" style="--share: ${count / most}">${count}</td>`;
    });
    return `<tr><th scope="row">${label}</th>${cells.join("")}</tr>`;
  });
  table.innerHTML = `<caption></caption><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join("")}</tbody>`;
  table.caption.textContent = caption;
  return table;
}
