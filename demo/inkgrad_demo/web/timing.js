export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// A function that calls act() once it has not been called for that long.
export function afterRest(milliseconds, act) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds);
  };
}
