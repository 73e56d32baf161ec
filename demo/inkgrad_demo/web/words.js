// Texts of the catalogues with their values, as inkgrad.course.texts.fill has them.

// "{n} {n:epoch|epochs}" is "1 epoch" or "2 epochs".
export function fill(template, values) {
  return template.replace(/\{(\w+)(?::([^|{}]*)\|([^|{}]*))?\}/g, (_, name, singular, plural) => {
    if (singular === undefined) return values[name];
    return String(values[name]) === "1" ? singular : plural;
  });
}
