// The hint for those who have trained nothing yet in this browser: one click trains a first model.
const STORE = "inkgrad-has-trained";

export function createFirstTime({ find }, { start }) {
  const hint = find("#train-first");

  function hasTrained() {
    try {
      return localStorage.getItem(STORE) !== null;
    } catch {
      return false; // the browser keeps nothing
    }
  }

  hint.hidden = hasTrained();
  hint.querySelector("button").addEventListener("click", start);

  return {
    trained() {
      hint.hidden = true;
      try {
        localStorage.setItem(STORE, "1");
      } catch {
        // then the hint is there next time, too
      }
    },
  };
}
