// Shared by all widgets of the lessons: the page's means within the widget's element, numbers shown
// by name, and requests to the lesson's own code.
import { newestOnly } from "./newest.js";
import { createPage, Refusal } from "./page.js";

const RETRY = 2000; // milliseconds

// createWidget({element, props, server}), as the Lessons page mounts a widget
export function createWidget(context) {
  const page = createPage(context);
  const { element, server, text, find, findAll } = page;
  let pending = 0; // requests under way
  // {source: words}, the newest last: an answer to one request ends no other trouble
  const troubles = new Map();

  async function play(request) {
    pending += 1;
    element.ariaBusy = "true";
    try {
      return await server.play(request);
    } finally {
      pending -= 1;
      element.ariaBusy = String(pending > 0);
    }
  }

  // Shows what is wrong with an input or a request, its source; "" where it is right again.
  function showTrouble(source, words) {
    troubles.delete(source);
    if (words) troubles.set(source, words);
    find(".trouble").textContent = [...troubles.values()].at(-1) ?? "";
  }

  page.translate();

  return {
    ...page,
    play,
    showTrouble,
    // Shows values by name: showValues({loss: "0.25"}) fills every data-value="loss".
    showValues(values) {
      for (const [name, value] of Object.entries(values)) {
        for (const each of findAll(`[data-value="${name}"]`)) each.textContent = value;
      }
    },
    // A function that requests an answer for the present state, request(); answered(answer) gets
    // the newest.
    requester(request, answered) {
      const requests = newestOnly(() => play(request()), {
        answered(answer) {
          showTrouble(request, "");
          answered(answer);
        },
        failed(error) {
          const isRefused = error instanceof Refusal;
          showTrouble(request, isRefused ? error.message : text("lessons.play.failed"));
          return isRefused ? null : RETRY;
        },
      });
      return requests.request;
    },
  };
}

// A table as HTML, of cells that are HTML: numbers, or words of the catalogues.
export function tableHtml(head, rows) {
  const cellHtml = (cell, tag) => `<${tag}>${cell}</${tag}>`;
  const lineHtml = (cells) => `<tr>${cells.join("")}</tr>`;
  // A header without words would head nothing.
  const headHtml = lineHtml(head.map((cell) => cellHtml(cell, cell === "" ? "td" : "th")));
  const body = rows.map((row) => lineHtml(row.map((cell) => cellHtml(cell, "td")))).join("");
  return `<table><thead>${headHtml}</thead><tbody>${body}</tbody></table>`;
}
