// Records latencies in the page; times in milliseconds since 1970:
//   measured.presses   when the stop button was pressed
//   measured.stopped   when the page showed that training had stopped
//   measured.drawings  of the curve: {drawn, from, steps} with the steps whose points were new
(() => {
  const measured = { presses: [], stopped: [], drawings: [] };
  window.measured = measured;
  const now = () => performance.timeOrigin + performance.now();
  let answer = null; // to the last poll of the status, until it is drawn

  const ask = window.fetch.bind(window);
  window.fetch = async (input, init) => {
    const asks = typeof init?.body === "string" && init.body.includes('"status"');
    const response = await ask(input, init);
    if (asks) {
      const body = await response.clone().json();
      const steps = (body.curve ?? []).map(([step]) => step);
      answer = { drawn: null, from: body.from?.curve ?? 0, steps };
    }
    return response;
  };

  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...rest) {
    stroke.apply(this, rest);
    if (!answer || !this.canvas.closest?.("#train-loss")) return;
    if (answer.drawn === null) measured.drawings.push(answer);
    answer.drawn = now(); // the time of the last stroke
  };

  addEventListener(
    "pointerdown",
    ({ target }) => {
      if (target.closest?.("#train-stop")) measured.presses.push(now());
    },
    true,
  );
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      const phase = document.querySelector("#train-phase")?.dataset.phase;
      if (phase === "stopped" && measured.stopped.length < measured.presses.length)
        measured.stopped.push(now());
    }).observe(document.body, { attributes: true, attributeFilter: ["data-phase"], subtree: true });
  });
})();
