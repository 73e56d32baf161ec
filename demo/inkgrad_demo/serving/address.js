// The open tab in the address; see address.py.

let isRead = false; // the address has been read: until then Gradio opens tabs by itself

const tabInAddress = () => new URLSearchParams(location.search).get("tab");

// For Gradio: which tab to open, or nothing to change. names: those of the tabs, in order.
export function openTab(names) {
  isRead = true;
  addEventListener("popstate", () => {
    const name = tabInAddress() ?? names[0];
    document.querySelector(`[role=tab][data-tab-id="${name}"]`)?.click();
  });
  const selected = tabInAddress();
  const update = { __type__: "update" };
  return names.includes(selected) ? { ...update, selected } : update;
}

// Gradio selects the first tab when it starts: that must not hide what the address asks for.
export function rememberTab(name, first) {
  if (!isRead || (tabInAddress() ?? first) === name) return;
  const address = new URL(location);
  address.searchParams.set("tab", name);
  history.replaceState(history.state, "", address);
}
