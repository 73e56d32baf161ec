// Lesson 7: a network on points of a plane, seen as it learns; and one on a table of many features.
import { createInputs } from "../../web/inputs.js";
import { createWidget } from "../../web/widget.js";
import { mountPlane } from "./plane.js";
import { mountTable } from "./table.js";

export function mount(context) {
  const widget = createWidget(context);
  const inputs = createInputs(widget, {
    formats: { lr: widget.steady, plane_lr: widget.steady },
    changed: (name) => (name.startsWith("plane_") ? plane : table).request(),
  });
  const plane = mountPlane(widget, inputs);
  const table = mountTable(widget, inputs);
  plane.request();
  table.request();
}
