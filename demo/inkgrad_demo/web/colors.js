// The colours of style.css as they are now, in light or dark: colour("accent") is --ink-accent.

const colour = (name) => getComputedStyle(element).getPropertyValue(`--ink-${name}`).trim();

// One of each for things that are told apart by colour.
const SERIES = ["blue", "green", "red", "violet", "amber", "pink"];

// Calls repaint() when the theme changes, for as long as the canvas is in the page.
function onThemeChange(canvas, repaint) {
  const observer = new MutationObserver(() => (canvas.isConnected ? repaint() : observer.disconnect()));
  observer.observe(document.body, { attributeFilter: ["class"] });
}

// A CSS colour as [red, green, blue].
function channelsOf(css) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
