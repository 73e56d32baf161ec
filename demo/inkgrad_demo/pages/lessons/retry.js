import { pause } from "../../web/timing.js";

const RETRY = 2000; // milliseconds

// Repeats send() until it succeeds; failed() is called after each failure.
export async function untilAnswered(send, failed = () => {}) {
  for (;;) {
    try {
      return await send();
    } catch {
      failed();
      await pause(RETRY);
    }
  }
}
