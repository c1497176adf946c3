import { fileLimits } from "./files.ts";

/** What Windows would not take for a file: its devices, with any ending. */
const device = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)/i;
/** Letters that turn the direction of others, so that `gpj.exe` reads as `exe.jpg`, and such as nobody sees. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{115F}\u{1160}\u{3164}\u{FFA0}]/gu;
const forbidden = /[<>:"|?*]/g;

/**
 * A name that is safe to show, to store under and to save as, from whatever a client calls its file: its last part if it is a path, in one line, without letters that
 * nobody sees, at most 255 bytes of UTF-8. `file` where nothing is left.
 */
export function fileNameOf(said: string): string {
  const last = said
    .toWellFormed()
    .normalize("NFC")
    .replaceAll("\\", "/")
    .split("/")
    .findLast((part) => part.trim() !== "");
  const line = (last ?? "").replaceAll(unseen, "").replaceAll(forbidden, "_").replaceAll(/\s+/g, " ");
  // Windows drops what is at the end, so that `a.exe. ` would be `a.exe`; a dot in front hides it elsewhere.
  const trimmed = line.replaceAll(/[. ]+$/g, "").replace(/^[. ]+/, "");
  const name = device.test(trimmed) ? `_${trimmed}` : trimmed;
  return name === "" ? "file" : shortened(name);
}

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).length;

/** Cut by characters, before its ending. */
function shortened(name: string): string {
  if (bytesOf(name) <= fileLimits.nameBytes) return name;
  const ending = /\.[^. ]{1,16}$/.exec(name)?.[0] ?? "";
  let room = fileLimits.nameBytes - bytesOf(ending);
  let stem = "";
  for (const character of name.slice(0, name.length - ending.length)) {
    room -= bytesOf(character);
    if (room < 0) break;
    stem += character;
  }
  return `${stem.trimEnd()}${ending}`;
}
