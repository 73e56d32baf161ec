import { toBase64 } from "../../web/base64.js";

const MAX_BYTES = 6e6; // what the server takes, less what base64 adds

// Sends a file to a server function; {error} where that fails.
export async function sendFile({ text, number }, file, send) {
  if (file.size > MAX_BYTES) {
    const values = { name: file.name, size: number(file.size / 1e6, 1) };
    return { error: text("train.file.large", values) };
  }
  const content = toBase64(new Uint8Array(await file.arrayBuffer()));
  return (await send({ name: file.name, content })) ?? { error: text("train.failed") };
}
