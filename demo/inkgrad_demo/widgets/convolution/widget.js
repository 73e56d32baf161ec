// Lesson 10: a kernel slides over a drawing, and over the channels of a color picture;
// and the drawing goes through the network.
import { createInputs } from "../../web/inputs.js";
import { createWidget } from "../../web/widget.js";
import { mountChannels } from "./channels.js";
import { mountNetwork } from "./network.js";
import { mountSliding, sizeText } from "./sliding.js";

export function mount(context) {
  const widget = createWidget(context);
  const inputs = createInputs(widget, {
    formats: { side: sizeText, pool: sizeText, rgb_bias: (bias) => widget.number(bias, 1) },
    changed: (name) => (name.startsWith("rgb_") ? channels.request() : sliding.changed(name)),
  });
  const sliding = mountSliding(widget, inputs, () => network.request());
  const network = mountNetwork(widget, sliding.picture);
  const channels = mountChannels(widget, inputs);
  channels.request();
}
