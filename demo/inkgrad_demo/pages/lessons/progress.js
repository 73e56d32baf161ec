// Which exercises a reader has solved, and the lesson that was open last: kept in the browser.
const STORE = "inkgrad-lessons";

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE));
    return { last: null, solved: {}, ...stored };
  } catch {
    return { last: null, solved: {} }; // damaged, or the browser keeps nothing
  }
}

function change(changes) {
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...read(), ...changes }));
  } catch {
    // the browser keeps nothing
  }
}

export const lastLesson = () => read().last;
export const rememberLesson = (number) => change({ last: number });
export const solvedIn = (number) => read().solved[number] ?? [];

export function rememberSolved(number, name) {
  const { solved } = read();
  change({ solved: { ...solved, [number]: [...new Set([...solvedIn(number), name])] } });
}
