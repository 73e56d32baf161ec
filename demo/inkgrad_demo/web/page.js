// Shared by all modules of a page: the page's element, its texts and numbers in the language that
// Gradio chose, and the server's functions.
//
// createPage({element, props, server}) takes what Gradio gives a gr.HTML. props.value is the code of
// the language, props.catalogues has the page's texts in each: {language: {key: text}}.
import { createNumbers } from "./numbers.js";
import { fill } from "./words.js";

// The server's answer to a request that it cannot serve: its message, in the page's language. The
// same request would be refused again.
export class Refusal extends Error {}

export function createPage({ element, props, server }) {
  const language = () => (props.value in props.catalogues ? props.value : "en");

  function text(key, values = {}) {
    return fill(props.catalogues[language()][key], values);
  }

  // Fills in the texts of elements that name a key: data-text, data-aria-label, ...
  function translate(within = element) {
    for (const each of within.querySelectorAll("[data-text]")) {
      each.textContent = text(each.dataset.text);
    }
    for (const attribute of [
      "aria-label",
      "aria-roledescription",
      "aria-description",
      "placeholder",
      "title",
    ]) {
      for (const each of within.querySelectorAll(`[data-${attribute}]`)) {
        each.setAttribute(attribute, text(each.getAttribute(`data-${attribute}`)));
      }
    }
  }

  // Calls a server function. Throws an Error where the server does not answer, and a Refusal where it
  // answers with an error.
  async function send(name, request) {
    const answer = await server[name](request);
    if (!answer) throw new Error("no answer");
    if (answer.error) throw new Refusal(messageText(answer.error));
    return answer;
  }

  // A message of the server, which comes in every language or in none.
  function messageText(message) {
    return typeof message === "string" ? message : (message[props.value] ?? message.en);
  }

  return {
    send,
    messageText,
    element,
    props,
    server,
    language,
    text,
    translate,
    ...createNumbers(() => props.value),
    find: (selector) => element.querySelector(selector),
    findAll: (selector) => [...element.querySelectorAll(selector)],
    // The data that a run was trained on, in words of the page where they are known.
    dataName: (name) => (name in props.data_names ? text(props.data_names[name]) : name),
  };
}
