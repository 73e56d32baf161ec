// The Lessons page: opens one lesson at a time. What was opened is kept, so that coming back is instant and
// finds the plaything as it was left.
// Gradio runs this with `element`, `props` and `server` (see lessons.py for what is in them).

const language = () => (props.value in props.catalogues ? props.value : "en");
const COUNT = props.titles.en.length;
const title = (number) => props.titles[language()][number - 1];

let opened = new Map(); // number: promise of the article
let current = 0;

// -- the address --

function numberInAddress() {
  const number = Number(new URLSearchParams(location.search).get("lesson"));
  return Number.isInteger(number) && number >= 1 && number <= COUNT ? number : 1;
}

function addressOf(number) {
  const address = new URL(location);
  address.searchParams.set("tab", "lessons");
  address.searchParams.set("lesson", number);
  return address;
}

// A link that opens a lesson here; in a new tab it does so too.
function link(number, children) {
  const made = make("a", { href: addressOf(number) }, children);
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (number === current) return;
    history.pushState(history.state, "", addressOf(number));
    open(number, { moved: true });
  });
  return made;
}

addEventListener("popstate", () => {
  if (element.isConnected && new URLSearchParams(location.search).get("tab") === "lessons") open(numberInAddress());
});

// -- the contents --

function listLessons() {
  const items = Array.from({ length: COUNT }, (_, i) => {
    const words = [make("span", { textContent: i + 1 }), make("b", { textContent: title(i + 1) })];
    return make("li", {}, [link(i + 1, words)]);
  });
  find("nav ol").replaceChildren(...items);
}

function markCurrent() {
  element.querySelectorAll("nav a").forEach((each, i) => {
    if (i + 1 === current) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  });
  const list = find("nav ol");
  const chosen = find("nav [aria-current]");
  list.scrollLeft = chosen.offsetLeft - list.offsetLeft - (list.clientWidth - chosen.clientWidth) / 2;
}

// -- a lesson --

async function open(number, { moved = false } = {}) {
  current = number;
  markCurrent();
  if (!opened.has(number)) opened.set(number, build(number));
  const asked = opened.get(number);
  const article = await asked;
  if (current !== number || opened.get(number) !== asked) return; // another was opened, or another language
  find("main").replaceChildren(article);
  if (!moved) return;
  article.focus({ preventScroll: true });
  if (element.getBoundingClientRect().top < 0) element.scrollIntoView();
}

const RETRY = 2000; // milliseconds
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function untilAnswered(ask, failed = () => {}) {
  for (;;) {
    try {
      return await ask();
    } catch {
      failed();
      await pause(RETRY);
    }
  }
}

async function build(number) {
  const spoken = language();
  const lesson = await untilAnswered(
    () => server.lesson({ number, language: spoken }),
    () => find("main").replaceChildren(make("p", { role: "alert", textContent: text("lessons.page.failed") })),
  );
  const article = find("template").content.cloneNode(true).firstElementChild;
  const part = (selector) => article.querySelector(selector);
  translate(article);
  part(".chapter").textContent = text("lessons.page.chapter", { number, count: COUNT });
  part("h2").textContent = title(number);
  part(".text").append(...paragraphs(lesson.text));
  part(".code h3 code").textContent = lesson.file;
  part(".code pre code").innerHTML = lesson.code;
  part(".copy").hidden = !navigator.clipboard; // which browsers give to safe addresses only
  part(".copy").addEventListener("click", () => copy(part(".code pre").textContent, part(".copy")));
  const neighbours = [[number - 1, "prev", "lessons.page.previous"], [number + 1, "next", "lessons.page.next"]];
  for (const [beside, rel, key] of neighbours) {
    if (beside < 1 || beside > COUNT) continue;
    const words = [make("small", { textContent: text(key) }), make("b", { textContent: title(beside) })];
    part("footer").append(Object.assign(link(beside, words), { rel }));
  }
  const results = showResults(article, number);
  startPlaything(part(".plaything"), lesson, results);
  return article;
}

async function copy(code, button) {
  await navigator.clipboard.writeText(code);
  button.textContent = text("lessons.page.copied");
  await pause(1500);
  button.textContent = text("lessons.page.copy");
}

// -- the plaything: a script of its own, run as Gradio runs this one --

function startPlaything(place, { number, plaything }, results) {
  place.innerHTML = plaything.html;
  const own = { value: language(), catalogues: plaything.catalogues, results };
  const ask = { play: (question) => server.play({ number, ...question }) };
  new Function("element", "props", "server", plaything.script)(place, own, ask);
}

// -- what the lesson computes: asked for when one comes near it --

const POLL = 300; // milliseconds

function showResults(article, number) {
  const part = (selector) => article.querySelector(selector);
  const spoken = language();
  const progress = part(".progress");
  let asking = false;
  let settle = null;
  const ready = new Promise((resolve) => (settle = resolve));

  function showProgress(batch) {
    progress.hidden = false;
    if (batch === null) {
      progress.firstChild.textContent = text("lessons.page.computing");
      return progress.lastChild.removeAttribute("value");
    }
    const { epoch, number: step, count } = batch;
    progress.firstChild.textContent = text("lessons.page.training", { epoch, step, count });
    progress.lastChild.value = step / count;
  }

  function showFailure(error) {
    part(".failure").hidden = false;
    part(".failure span").textContent = text("lessons.page.broken", { error: said(error) });
  }

  function showParts(parts) {
    let before = Promise.resolve(); // pictures are drawn one after the other, from the top
    const fetch = (name) => server.picture({ number, name, language: spoken });
    const fetched = (name) => (before = before.catch(() => {}).then(() => fetch(name)));
    part(".parts").append(...parts.map((each) => PARTS[each.kind](each, fetched)));
  }

  async function ask() {
    if (asking) return;
    asking = true;
    part(".failure").hidden = true;
    showProgress(null);
    let answer = null;
    for (;;) {
      answer = await untilAnswered(() => server.results({ number, language: spoken }));
      if (answer.state !== "computing") break;
      showProgress(answer.batch);
      await pause(POLL);
    }
    progress.hidden = true;
    if (answer.state === "ready") {
      showParts(answer.parts);
      settle();
    } else {
      showFailure(answer.error);
      asking = false; // the button asks again
    }
  }

  part(".failure button").addEventListener("click", ask);
  const observer = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    observer.disconnect();
    ask();
  }, { rootMargin: "400px" });
  observer.observe(part(".results"));
  return { ask, ready };
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
watch("value", start);
