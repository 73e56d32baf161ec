const SVG = "http://www.w3.org/2000/svg";

// An SVG element with these attributes and words.
export function makeSvg(tag, attributes, words = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}
