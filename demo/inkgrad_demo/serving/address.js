// The tab in the address; see address.py, which puts `names` before this: those of the tabs, in order.

const tabInAddress = () => new URLSearchParams(location.search).get("tab");

// For Gradio: which tab to open, or nothing to change.
function opened() {
  window.inkgradAddressIsRead = true;
  addEventListener("popstate", () => {
    document.querySelector(`[role=tab][data-tab-id="${tabInAddress() ?? names[0]}"]`)?.click();
  });
  const selected = tabInAddress();
  return names.includes(selected) ? { __type__: "update", selected } : { __type__: "update" };
}

// Gradio selects the first tab by itself when it starts: that must not hide what the address asks for.
function remember(name) {
  if (!window.inkgradAddressIsRead || (tabInAddress() ?? names[0]) === name) return;
  const address = new URL(location);
  address.searchParams.set("tab", name);
  history.replaceState(history.state, "", address);
}
