// The Lessons page: opens one lesson at a time. Lessons that were opened are kept, so that coming
// back is instant and finds the widget as it was left.
import { make } from "../../web/elements.js";
import { createPage } from "../../web/page.js";
import { showDerivation } from "./derivation.js";
import { mountExercises } from "./exercises.js";
import { createTypesetter } from "./formulas.js";
import { mountProgram } from "./program.js";
import { lastLesson, rememberLesson, rememberSolved, solvedIn } from "./progress.js";
import { createResults } from "./results.js";
import { untilAnswered } from "./retry.js";

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, send, find, findAll, language, text, translate } = page;
  const count = props.titles.en.length;
  const titleOf = (number) => props.titles[language()][number - 1];
  let opened = new Map(); // number: promise of the article
  let current = 0;

  // -- the address --

  function numberInAddress() {
    const isLesson = (number) => Number.isInteger(number) && number >= 1 && number <= count;
    const number = Number(new URLSearchParams(location.search).get("lesson"));
    return [number, lastLesson()].find(isLesson) ?? 1; // without one, where the reader left off
  }

  function addressOf(number) {
    const address = new URL(location);
    address.searchParams.set("tab", "lessons");
    address.searchParams.set("lesson", number);
    return address;
  }

  // A link that opens a lesson here; in a new tab it does so too.
  function lessonLink(number, children) {
    const link = make("a", { href: addressOf(number) }, children);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (number === current) return;
      history.pushState(history.state, "", addressOf(number));
      open(number, { byLink: true });
    });
    return link;
  }

  addEventListener("popstate", () => {
    const isThisTab = new URLSearchParams(location.search).get("tab") === "lessons";
    if (element.isConnected && isThisTab) open(numberInAddress());
  });

  // -- the contents --

  function listLessons() {
    const items = Array.from({ length: count }, (_, i) => {
      const words = [
        make("span", { textContent: i + 1 }),
        make("b", { textContent: titleOf(i + 1) }),
        make("small", {}),
      ];
      return make("li", {}, [lessonLink(i + 1, words)]);
    });
    find("nav ol").replaceChildren(...items);
    items.forEach((_, i) => showProgress(i + 1));
  }

  function showProgress(number) {
    const solved = solvedIn(number).length;
    const exercises = props.exercise_counts[number - 1];
    const place = findAll("nav a small")[number - 1];
    place.textContent =
      solved === 0 ? "" : `${solved === exercises ? "✓ " : ""}${solved}/${exercises}`;
    place.ariaLabel = text("lessons.page.solved", { solved, count: exercises });
    place.hidden = solved === 0;
  }

  function markCurrent() {
    findAll("nav a").forEach((link, i) => {
      link.ariaCurrent = i + 1 === current ? "page" : null;
    });
    const list = find("nav ol");
    const chosen = find("nav [aria-current]");
    list.scrollLeft =
      chosen.offsetLeft - list.offsetLeft - (list.clientWidth - chosen.clientWidth) / 2;
  }

  // -- a lesson --

  async function open(number, { byLink = false } = {}) {
    current = number;
    markCurrent();
    if (!opened.has(number)) opened.set(number, build(number));
    const building = opened.get(number);
    const article = await building.catch((error) =>
      make("p", { role: "alert", textContent: error.message }),
    );
    // Another lesson or language was chosen while this one loaded.
    if (current !== number || opened.get(number) !== building) return;
    find(".reading").replaceChildren(article);
    rememberLesson(number);
    if (!byLink) return;
    article.focus({ preventScroll: true });
    if (element.getBoundingClientRect().top < 0) element.scrollIntoView();
  }

  async function build(number) {
    const lesson = await untilAnswered(
      () => send("lesson", { number, language: language() }),
      () => {
        const notice = make("p", { role: "alert", textContent: text("lessons.page.failed") });
        find(".reading").replaceChildren(notice);
      },
    );
    const article = find("template").content.cloneNode(true).firstElementChild;
    const part = (selector) => article.querySelector(selector);
    translate(article);
    part(".chapter").textContent = text("lessons.page.chapter", { number, count });
    part("h2").textContent = titleOf(number);
    const typesetter = createTypesetter(lesson.formulas);
    part(".text").append(...typesetter.paragraphs(lesson.text));
    for (const name of ["goal", "see"]) part(`.${name}`).append(...typesetter.words(lesson[name]));
    part(".summary-text").append(...typesetter.words(lesson.summary));
    showDerivation(part(".derivation"), lesson.derivation, typesetter);
    mountProgram(page, part(".code"), { number, programs: lesson.programs, typesetter });
    mountExercises(page, part(".exercises ol"), {
      number,
      exercises: lesson.exercises,
      typesetter,
      isSolved: (name) => solvedIn(number).includes(name),
      solved(name) {
        rememberSolved(number, name);
        showProgress(number);
      },
    });
    showTerms(part(".terms"), lesson.terms);
    showWayToTrain(part(".to-train"), lesson.train);
    addNeighbor(part("footer"), number - 1, "prev", "lessons.page.previous");
    addNeighbor(part("footer"), number + 1, "next", "lessons.page.next");
    const results = createResults(page, article, number, typesetter);
    await mountWidget(part(".widget"), lesson, results);
    return article;
  }

  function addNeighbor(footer, number, rel, key) {
    if (number < 1 || number > count) return;
    const words = [
      make("small", { textContent: text(key) }),
      make("b", { textContent: titleOf(number) }),
    ];
    footer.append(Object.assign(lessonLink(number, words), { rel }));
  }

  function showTerms(list, terms) {
    const entries = terms.map(({ term, translation, meaning }) => [
      make("dt", {}, [term, make("span", { textContent: translation })]),
      make("dd", { textContent: meaning }),
    ]);
    list.append(...entries.flat());
  }

  // To the Train page, with the settings of this lesson's program.
  function showWayToTrain(place, settings) {
    place.hidden = settings === null;
    const address = new URL(location);
    address.search = new URLSearchParams({ tab: "train", ...settings });
    place.firstElementChild.href = address;
    place.firstElementChild.textContent = text("lessons.page.train");
  }

  async function mountWidget(place, { number, widget }, results) {
    place.innerHTML = widget.html;
    const load = () => import(`../../widgets/${widget.name}/widget.js`);
    const { mount: mountIn } = await untilAnswered(load);
    mountIn({
      element: place,
      props: { value: language(), catalogues: widget.catalogues, results },
      server: { play: (request) => send("play", { number, ...request }) },
    });
  }

  // -- start --

  function start() {
    opened = new Map();
    find(".reading").replaceChildren();
    translate();
    listLessons();
    open(numberInAddress());
  }

  start();
  gradio.watch("value", start);
}
