// `what`, said to be of the run's backend: where two backends race.
export function ofBackend({ text }, { settings: { backend } }, what) {
  return text("train.of", { backend: text(`train.backend.${backend}`), what });
}
