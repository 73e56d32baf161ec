// The limits of a number of the form as text: [least, most].
export function limitTexts({ limits, value: language }, name) {
  return limits[name].map((limit) =>
    limit !== 0 && limit < 1e-3 ? String(limit) : limit.toLocaleString(language),
  );
}
