// Requests about something that changes faster than the server answers: one request is under way at
// a time, and after its answer the newest state is sent. States in between are never sent, so that
// nothing piles up on a slow machine.
import { pause } from "./timing.js";

// newestOnly(send, {answered, failed}) where
//   send()            builds and sends the request: a promise of the answer
//   answered(answer)  receives the answer
//   failed(error)     is called after a failure; returns the milliseconds until the next try, or null
//                     if only another state is worth a try
export function newestOnly(send, { answered, failed }) {
  let busy = false; // a request is under way, or waits for its next try
  let again = false; // the state has changed since it was sent
  let generation = 0; // raised by forget(): earlier requests no longer matter

  async function run() {
    busy = true;
    do {
      again = false;
      const mine = generation;
      try {
        const answer = await send();
        if (mine === generation) answered(answer);
      } catch (error) {
        const wait = failed(error);
        if (wait === null) continue;
        await pause(wait);
        again ||= mine === generation;
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
      generation += 1;
    },
  };
}
