import { Refusal } from "../../web/page.js";
import { pause } from "../../web/timing.js";

const RETRY = 2000; // milliseconds

// Repeats send() until the server answers; failed() is called after each failure. Throws a Refusal.
export async function untilAnswered(send, failed = () => {}) {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      failed();
      await pause(RETRY);
    }
  }
}
