import { ChatError } from "@parley/protocol";

/** A file as a client of another protocol brings it with a message: one that is stored here, or all of its data. Never an address: nothing is fetched for anybody. */
export type GivenFile =
  | { readonly file_id: string }
  | { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array };

/** Where the bytes of a stored file are: for who may see it, with their credentials. */
export function addressOfFile(fileId: string): string {
  return `/api/v1/files/${fileId}`;
}

export interface AboutFile {
  readonly name?: string | null | undefined;
  readonly mediaType?: string | null | undefined;
}

/** Our own addresses, with or without the server before them: the id alone counts, and who may see it is looked up. */
const ownAddress = /^(?:https?:\/\/[^/?#]{1,253})?\/api\/v1\/files\/(file_[A-Za-z0-9_-]{22})(?:[?#].*)?$/;
const dataAddress = /^data:([^;,]{0,127})((?:;[^;,]{0,127}){0,8}),/i;

/** Throws UNSUPPORTED for addresses of others. */
export function fileOfUrl(url: string, about: AboutFile = {}): GivenFile {
  const own = ownAddress.exec(url)?.[1];
  if (own !== undefined) return { file_id: own };
  const [head, type = "", parameters = ""] = dataAddress.exec(url.slice(0, 2_048)) ?? [];
  if (head === undefined) throw fetchesNothing();
  const data = url.slice(head.length);
  const mediaType = about.mediaType || type || "text/plain";
  if (/;base64$/i.test(parameters)) return fileOfBase64(data, { ...about, mediaType });
  return fileOf(Buffer.from(unescaped(data)), { ...about, mediaType });
}

/** Throws INVALID_FRAME for what is none. */
export function fileOfBase64(data: string, about: AboutFile): GivenFile {
  const plain = data.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(plain)) throw wrong("The data of a file is not base64.");
  return fileOf(Buffer.from(plain, "base64"), about);
}

function fileOf(bytes: Uint8Array, { name, mediaType }: AboutFile): GivenFile {
  if (bytes.length === 0) throw wrong("A file is empty.");
  const type = mediaType || "application/octet-stream";
  return { name: name || `file.${endingOf(type)}`, mediaType: type, bytes };
}

function unescaped(data: string): string {
  try {
    return decodeURIComponent(data);
  } catch {
    throw wrong("The data of a file is not escaped as an address is.");
  }
}

function endingOf(mediaType: string): string {
  const ending = /\/(?:x-)?([a-z0-9]{1,8})/i.exec(mediaType)?.[1] ?? "bin";
  return ending === "plain" ? "txt" : ending;
}

function wrong(message: string): ChatError {
  return new ChatError("INVALID_FRAME", { message });
}

function fetchesNothing(): ChatError {
  const message =
    "Files at addresses are not fetched: send the data itself (a data URL), or upload the file to /api/v1/files and send that address.";
  return new ChatError("UNSUPPORTED", { message });
}
