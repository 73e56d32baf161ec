// A run's model as the Draw page offers it: run is {id, name, settings, data, test}.
export const choiceOf = ({ text, dataName }, { id, name, settings, data, test }) => ({
  model: id,
  name: name || text(`train.model.${settings.model}`),
  note: dataName(data),
  accuracy: test?.accuracy ?? null,
});
