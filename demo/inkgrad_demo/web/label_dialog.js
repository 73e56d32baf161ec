// The dialog in which a run gets a name and a note.
import { make, makeButton } from "./elements.js";

// createLabelDialog(page, saved) gives open({id, name, note}, of): `of` says which run it is.
// saved(id, {name, note}) is called when the server has saved them.
export function createLabelDialog({ find, props, server, text, messageText }, saved) {
  const name = make("input", { type: "text", autocomplete: "off" });
  const note = make("textarea", { rows: 4, autocomplete: "off" });
  name.maxLength = props.label_limits.name;
  note.maxLength = props.label_limits.note;
  const title = make("h3");
  const error = make("p", { role: "alert" });
  const [nameTitle, noteTitle] = [make("span"), make("span")];
  const cancel = makeButton("", () => dialog.close());
  const save = make("button", { className: "primary" });
  const form = make("form", { method: "dialog" }, [
    title,
    make("label", {}, [nameTitle, name]),
    make("label", {}, [noteTitle, note]),
    error,
    make("div", { className: "choices" }, [cancel, save]),
  ]);
  const dialog = make("dialog", { className: "label-dialog" }, [form]);
  dialog.setAttribute("aria-label", text("run.label.edit"));
  find(".ink").append(dialog);
  let run = "";

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    const answer = await server
      .label({ run, name: name.value, note: note.value })
      .catch(() => undefined);
    save.disabled = false;
    error.textContent = answer ? messageText(answer.error ?? "") : text("run.label.failed");
    if (error.textContent) return;
    dialog.close();
    saved(run, answer);
  });

  return (labeled, of) => {
    run = labeled.id;
    title.textContent = text("run.label.title", { run: of });
    nameTitle.textContent = text("run.label.name");
    noteTitle.textContent = text("run.label.note");
    cancel.textContent = text("run.label.cancel");
    save.textContent = text("run.label.save");
    error.textContent = "";
    name.value = labeled.name;
    note.value = labeled.note;
    dialog.showModal();
    name.select();
  };
}

// The button that opens it; `of` says which run it is, for screen readers.
export function labelButton({ text }, of, clicked) {
  const button = makeButton("", clicked);
  button.className = "pencil";
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 20l1-5L16 4l4 4L9 19zM14 6l4 4"/></svg>`;
  button.title = text("run.label.edit");
  button.setAttribute("aria-label", text("run.label.edit_run", { run: of }));
  return button;
}
