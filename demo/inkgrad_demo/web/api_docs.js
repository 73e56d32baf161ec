// Gradio's page about the API, made to say what the parameters mean: it repeats for each of them that
// it is the value of a component, which this app has none of.
const FILLER = /^\s*The (?:input|output) value that .*?\s+component\.\s*/s;

function tidyPage(docs, hasMcp) {
  for (const paragraph of docs.querySelectorAll("p")) {
    const words = paragraph.firstChild;
    if (words?.nodeType === Node.TEXT_NODE && FILLER.test(words.data)) {
      words.data = words.data.replace(FILLER, "");
    }
  }
  for (const choice of docs.querySelectorAll("li.snippet")) {
    const isMcp = choice.textContent.trim() === "MCP";
    choice.style.display = isMcp && !hasMcp ? "none" : "";
  }
}

// Gradio's page asks for these to find out whether the server has them. It has not: without a request
// the browser's log has no 404.
function answerForAbsent(names) {
  const { fetch } = window;
  window.fetch = (resource, options) => {
    const address = String(resource.url ?? resource);
    return names.some((name) => address.endsWith(name))
      ? Promise.resolve(new Response("{}", { status: 404 }))
      : fetch(resource, options);
  };
}

// hasMcp: whether the server has tools for MCP clients.
export function watchApiDocs(hasMcp) {
  answerForAbsent(["/monitoring/summary", ...(hasMcp ? [] : ["/gradio_api/mcp/schema"])]);
  let wasThere = false;
  const observer = new MutationObserver(() => {
    const docs = document.querySelector(".api-docs");
    if (docs) tidyPage(docs, hasMcp);
    else if (wasThere) observer.disconnect(); // it was closed
    wasThere = docs !== null;
  });
  const observe = () =>
    observer.observe(document.body, {
      childList: true,
      subtree: true,
      characterData: true,
    });
  document.addEventListener(
    "click",
    ({ target }) => target.closest(".show-api") && observe(),
    true,
  );
  if (new URLSearchParams(location.search).get("view") === "api") observe();
}
