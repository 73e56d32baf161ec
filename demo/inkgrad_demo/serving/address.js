// The open tab in the address; see address.py.
import { parameter, writeAddress } from "../web/page_address.js";

let isRead = false; // the address has been read: until then Gradio opens tabs by itself

const buttonOf = (name) => document.querySelector(`[role=tab][data-tab-id="${name}"]`);

// For Gradio: which tab to open, or nothing to change. names: those of the tabs, in order.
export function openTab(names) {
  isRead = true;
  addEventListener("popstate", () => buttonOf(parameter("tab") ?? names[0])?.click());
  const selected = parameter("tab");
  const update = { __type__: "update" };
  return names.includes(selected) ? { ...update, selected } : update;
}

// Gradio selects the first tab when it starts: that must not hide what the address asks for. Nor must
// a tab that Back has left again, since Gradio reports its opening late.
export function rememberTab(name, first) {
  const isOpen = buttonOf(name)?.getAttribute("aria-selected") === "true";
  if (!isRead || !isOpen || (parameter("tab") ?? first) === name) return;
  writeAddress((parameters) => parameters.set("tab", name), { isStep: true });
  dispatchEvent(new CustomEvent("inkgrad:tab", { detail: name })); // see web/page_address.js
}
