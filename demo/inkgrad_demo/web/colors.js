// The colors of style.css, in light or dark.

// Distinct colors for series, as names: "blue" stands for --ink-blue.
export const SERIES = ["blue", "green", "red", "violet", "amber", "pink"];

// name => CSS color, as the element's theme has it now.
export function themeColors(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(`--ink-${name}`).trim();
}

// Calls repaint() when the theme changes, for as long as the element is in the page.
export function onThemeChange(element, repaint) {
  const observer = new MutationObserver(() =>
    element.isConnected ? repaint() : observer.disconnect(),
  );
  observer.observe(document.body, { attributeFilter: ["class"] });
}

// A CSS color as [red, green, blue].
export function channelsOf(css) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
