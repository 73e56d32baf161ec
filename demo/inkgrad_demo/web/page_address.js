// The page's address. It says what is open: the tab, the run, the lesson, the runs compared. What a
// visitor opens is a step that the browser's Back button undoes; all else changes in place.

export const parameter = (name) => new URLSearchParams(location.search).get(name);

// change(parameters) changes the address's URLSearchParams. Writing what stands there is no step.
export function writeAddress(change, { isStep = false } = {}) {
  const address = new URL(location);
  change(address.searchParams);
  if (address.href === location.href) return;
  if (isStep) history.pushState(history.state, "", address);
  else history.replaceState(history.state, "", address);
}

// Calls back(), when Back or Forward leads to this tab, and opened(), when the visitor opens it. A
// page in the background keeps what it shows.
export function watchTab(element, tab, { back, opened }) {
  addEventListener("popstate", () => {
    if (element.isConnected && parameter("tab") === tab) back();
  });
  addEventListener("inkgrad:tab", ({ detail }) => {
    if (element.isConnected && detail === tab) opened();
  });
}
