// Pictures that are chosen, dropped, pasted or taken with the camera of a phone.
import { toBase64 } from "../../web/base64.js";

const LARGE = 1_500_000; // bytes: larger files are scaled down before they are sent
const SIDE = 1600; // pixels of the longer side then
const LARGEST = 5_500_000; // bytes of a file that the browser cannot scale down

// createPictureInput(page, {taken, tooLarge}): taken(base64) is called with the file's content.
export function createPictureInput({ element, find }, { taken, tooLarge }) {
  let latest = 0; // raised by each file: an earlier one that was slower is dropped

  async function take(file) {
    if (!file) return;
    const mine = ++latest;
    const content = file.size > LARGE ? await smaller(file) : file;
    const bytes = new Uint8Array(await content.arrayBuffer());
    if (mine !== latest) return;
    if (bytes.length > LARGEST) return tooLarge();
    taken(toBase64(bytes));
  }

  for (const id of ["#draw-file", "#draw-camera"]) {
    find(id).addEventListener("change", ({ target }) => {
      take(target.files[0]);
      target.value = ""; // the same file can be chosen again
    });
  }

  const desk = find(".draw");
  const hasFiles = ({ dataTransfer }) => [...(dataTransfer?.types ?? [])].includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    desk.addEventListener(name, (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      desk.classList.add("dropping");
    });
  }
  desk.addEventListener("dragleave", (event) => {
    if (!desk.contains(event.relatedTarget)) desk.classList.remove("dropping");
  });
  desk.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    desk.classList.remove("dropping");
    take(event.dataTransfer.files[0]);
  });

  document.addEventListener("paste", (event) => {
    const isShown = element.getClientRects().length > 0;
    const isText = event.target.closest?.("input, textarea, [contenteditable]");
    if (isShown && !isText) take(event.clipboardData.files[0]);
  });
}

// The picture scaled down, or the file itself where the browser cannot read it.
async function smaller(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
    const canvas = new OffscreenCanvas(image.width * scale, image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } catch {
    return file;
  }
}
