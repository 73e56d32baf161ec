// An element with these properties and children.
export function make(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function makeButton(label, clicked) {
  const button = make("button", { type: "button", textContent: label });
  button.addEventListener("click", clicked);
  return button;
}
