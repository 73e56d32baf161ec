// The Lessons page: opens one lesson at a time. Lessons that were opened are kept, so that coming
// back is instant and finds the widget as it was left.
import { make } from "../../web/elements.js";
import { createPage } from "../../web/page.js";
import { pause } from "../../web/timing.js";
import { paragraphs } from "./result_parts.js";
import { createResults } from "./results.js";
import { untilAnswered } from "./retry.js";

const COPIED = 1500; // milliseconds for which the button says so

export function mount(gradio) {
  const page = createPage(gradio);
  const { element, props, send, find, findAll, language, text, translate } = page;
  const count = props.titles.en.length;
  const titleOf = (number) => props.titles[language()][number - 1];
  let opened = new Map(); // number: promise of the article
  let current = 0;

  // -- the address --

  function numberInAddress() {
    const number = Number(new URLSearchParams(location.search).get("lesson"));
    return Number.isInteger(number) && number >= 1 && number <= count ? number : 1;
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
      ];
      return make("li", {}, [lessonLink(i + 1, words)]);
    });
    find("nav ol").replaceChildren(...items);
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
    find("main").replaceChildren(article);
    if (!byLink) return;
    article.focus({ preventScroll: true });
    if (element.getBoundingClientRect().top < 0) element.scrollIntoView();
  }

  async function build(number) {
    const lesson = await untilAnswered(
      () => send("lesson", { number, language: language() }),
      () => {
        const notice = make("p", { role: "alert", textContent: text("lessons.page.failed") });
        find("main").replaceChildren(notice);
      },
    );
    const article = find("template").content.cloneNode(true).firstElementChild;
    const part = (selector) => article.querySelector(selector);
    translate(article);
    part(".chapter").textContent = text("lessons.page.chapter", { number, count });
    part("h2").textContent = titleOf(number);
    part(".text").append(...paragraphs(lesson.text));
    part(".code h3 code").textContent = lesson.file;
    part(".code pre code").innerHTML = lesson.code;
    part(".copy").hidden = !navigator.clipboard; // which browsers give to safe addresses only
    part(".copy").addEventListener("click", () =>
      copy(part(".code pre").textContent, part(".copy")),
    );
    addNeighbor(part("footer"), number - 1, "prev", "lessons.page.previous");
    addNeighbor(part("footer"), number + 1, "next", "lessons.page.next");
    const results = createResults(page, article, number);
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

  async function copy(code, button) {
    await navigator.clipboard.writeText(code);
    button.textContent = text("lessons.page.copied");
    await pause(COPIED);
    button.textContent = text("lessons.page.copy");
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
    find("main").replaceChildren();
    translate();
    listLessons();
    open(numberInAddress());
  }

  start();
  gradio.watch("value", start);
}
