// Asking the server about a drawing that changes faster than it is read: one question is under way at a time,
// and when its answer is there, the newest drawing is asked about. What was drawn in between is never
// asked about: nothing piles up, on a slow machine either.
//
// newestOnly(ask, {answered, failed}) where
//   ask()      builds the question and sends it: a promise of the answer
//   failed()   is told of a failure, and gives how many milliseconds to wait before asking again
function newestOnly(ask, { answered, failed }) {
  let busy = false; // asking, or waiting to ask again
  let again = false; // the drawing has changed since it was asked about
  let epoch = 0; // raised by forget(): what was asked before is of no interest any more

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function run() {
    busy = true;
    do {
      again = false;
      const asked = epoch;
      try {
        const answer = await ask();
        if (asked === epoch) answered(answer);
      } catch {
        await pause(failed());
        again ||= asked === epoch;
      }
    } while (again);
    busy = false;
  }

  return {
    request() {
      again = true;
      if (!busy) run();
    },
    forget() {
      again = false;
      epoch += 1;
    },
  };
}
