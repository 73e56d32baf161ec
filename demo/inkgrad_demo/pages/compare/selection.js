// The runs that are selected, in that order; the first of them are compared, each in a color.
const COLORS = ["blue", "red", "green", "violet", "amber", "pink"];

export function createSelection(mostCompared) {
  let colors = new Map(); // {id: the index of its color, or -1}, in the order of the selection

  return {
    // A run that stays selected keeps its color.
    set(ids) {
      const before = colors;
      colors = new Map();
      const kept = ids.filter((id) => before.get(id) >= 0).slice(0, mostCompared);
      const taken = new Set(kept.map((id) => before.get(id)));
      let free = mostCompared - kept.length;
      for (const id of ids) {
        if (kept.includes(id)) colors.set(id, before.get(id));
        else if (free > 0) {
          const color = COLORS.findIndex((_, index) => !taken.has(index));
          taken.add(color);
          colors.set(id, color);
          free -= 1;
        } else colors.set(id, -1);
      }
    },
    has: (id) => colors.has(id),
    color: (id) => COLORS[colors.get(id)],
    get ids() {
      return [...colors.keys()];
    },
    get compared() {
      return [...colors].filter(([, color]) => color >= 0).map(([id]) => id);
    },
  };
}
