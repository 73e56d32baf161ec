// A run's status, brought up to date by the answer to a poll that sent the status's cursor (null:
// everything is new). Each series of the answer begins after the first `from` rows, which stay; all
// else is replaced.
export function mergeStatus(known, answer) {
  const status = { ...known, ...answer };
  for (const [series, start] of Object.entries(answer.from)) {
    status[series] = [...(known?.[series] ?? []).slice(0, start), ...answer[series]];
  }
  return status;
}
