// The exercises of a lesson: their answers are checked by the server.
import { make } from "../../web/elements.js";
import { createCodeRun, isUnderWay, stateText } from "./code_run.js";
import { createEditor } from "./editor.js";

// solved(name) is called when an exercise is solved; isSolved(name) tells whether it was before.
export function mountExercises(page, list, { number, exercises, typesetter, isSolved, solved }) {
  list.replaceChildren(...exercises.map((exercise, i) => mountOne(exercise, i + 1)));

  function mountOne(exercise, place) {
    const { props, text, messageText, find, translate } = page;
    const item = find(".exercise-template").content.cloneNode(true).firstElementChild;
    const part = (selector) => item.querySelector(selector);
    translate(item);
    const isOff = exercise.is_code && !props.allow_code;
    const label = text("lessons.page.your_answer", { number: place });
    part(".question").append(...typesetter.words(exercise.question));
    const value = exercise.is_code ? codeField() : numberField();
    const codeRun = createCodeRun(page, { output: part(".output"), show: showState });
    item.classList.toggle("solved", isSolved(exercise.name));
    part(".check-answer").hidden = isOff;
    if (isOff) {
      const command = `inkgrad lesson ${number} --exercise ${place} --answer FILE.py`;
      part(".verdict").append(...typesetter.words(text("lessons.page.check_off", { command })));
    }

    function codeField() {
      const options = { label, submit: () => check(), readOnly: isOff };
      const editor = createEditor(part(".place"), page, options);
      editor.show(exercise.start, exercise.html);
      return () => editor.value;
    }

    function numberField() {
      const input = make("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
      part(".place").append(make("label", {}, [make("span", { textContent: label }), input]));
      return () => input.value;
    }

    function showState(state, details) {
      const hasVerdict = state === "finished";
      part(".verdict").textContent = hasVerdict ? "" : stateText(page, state, details);
      part(".check-answer").hidden = isUnderWay(state);
      part(".stop").hidden = !(isUnderWay(state) && exercise.is_code);
    }

    async function check() {
      if (isOff) return;
      const request = { number, exercise: place, answer: value() };
      item.classList.remove("right", "wrong");
      const verdict = await codeRun.start("check_answer", request);
      if (verdict === null) return;
      part(".verdict").textContent = messageText(verdict.message);
      item.classList.toggle("right", verdict.is_right);
      item.classList.toggle("wrong", !verdict.is_right);
      if (!verdict.is_right) return;
      item.classList.add("solved");
      solved(exercise.name);
    }

    function toggle(button, content) {
      content.hidden = !content.hidden;
      button.ariaExpanded = String(!content.hidden);
    }

    part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      check();
    });
    part(".stop").addEventListener("click", codeRun.stop);
    part(".hint-text").append(...typesetter.words(exercise.hint));
    part(".solution-text p").append(...typesetter.words(exercise.answer));
    part(".solution-text pre").hidden = !exercise.is_code; // a number is in the words
    part(".solution-text code").textContent = exercise.worked;
    part(".hint").addEventListener("click", () => toggle(part(".hint"), part(".hint-text")));
    part(".solution").addEventListener("click", () =>
      toggle(part(".solution"), part(".solution-text")),
    );
    return item;
  }
}
