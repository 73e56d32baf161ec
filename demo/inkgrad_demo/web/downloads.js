// Saves a file that the page has made: parts and type as in a Blob.
export function saveFile(name, parts, type = "") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
