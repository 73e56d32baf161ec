// The tab in the address; see address.py.

// For Gradio: which tab to open, or nothing to change.
function opened(names) {
  const selected = new URLSearchParams(location.search).get("tab");
  return names.includes(selected) ? { __type__: "update", selected } : { __type__: "update" };
}

function remember(name) {
  const address = new URL(location);
  if (address.searchParams.get("tab") === name) return;
  address.searchParams.set("tab", name);
  history.replaceState(history.state, "", address);
}
