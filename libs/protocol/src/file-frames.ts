import { z } from "zod";
import { FileId, fileLimits } from "./files.ts";
import { ConversationId } from "./ids.ts";

/** Files over a socket: binary frames, each the length of a header (4 bytes, big-endian), the header as JSON, and bytes of the file. */

const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const clientId = z.string().min(1).max(fileLimits.clientIdChars);

/** The header of a binary frame. All frames of a file have the same, but for `offset`. */
export const FileFrame = z
  .object({
    type: z.literal("file"),
    id: clientId.describe("The client's own id of the file: under the same one it goes on, also over another socket."),
    name: z.string().describe("How the file is called."),
    media_type: z.string().max(fileLimits.mediaTypeChars).describe("What the client takes it for."),
    bytes: size.min(1).describe("The size of the whole file."),
    offset: size.describe("Where in it the bytes of this frame belong. Without any it asks how far the file is."),
    conversation_id: ConversationId.optional().describe("To which it is to belong as soon as it is stored."),
  })
  .describe("Bytes of a file.");
export type FileFrame = z.infer<typeof FileFrame>;

export const FileProgressFrame = z
  .object({
    type: z.literal("file_progress"),
    id: clientId.describe("The client's own id of the file."),
    file_id: FileId,
    offset: size.describe("So much of it is stored: send what comes behind it."),
    bytes: size.describe("The size of the whole file."),
  })
  .describe("Bytes of a file are stored. Wait for it before more than a few frames are on their way.");
export type FileProgressFrame = z.infer<typeof FileProgressFrame>;

export const FileStoredFrame = z
  .object({
    type: z.literal("file_stored"),
    id: clientId.describe("The client's own id of the file."),
    file_id: FileId,
    name: z.string().describe("How it is called from now on."),
    media_type: z.string().describe("What it is, by its content."),
    bytes: size.describe("Its size."),
  })
  .describe("A file is stored whole, and a message may have it.");
export type FileStoredFrame = z.infer<typeof FileStoredFrame>;

/** A frame as it came. `reason`: why it is none. */
export type ReadFileFrame =
  | { readonly header: FileFrame; readonly bytes: Uint8Array }
  | { readonly reason: string; readonly id?: string | undefined };

const lengthBytes = 4;
/** A name of 255 letters may have many escapes; nothing in a header is longer. */
const mostHeaderBytes = 16 * 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes of what is returned are those of `frame`. */
export function readFileFrame(frame: Uint8Array): ReadFileFrame {
  if (frame.length < lengthBytes) return { reason: "A binary frame begins with the length of its header." };
  const length = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(0);
  if (length > mostHeaderBytes || lengthBytes + length > frame.length)
    return { reason: "The header of a binary frame is not as long as it says." };
  const value = jsonOf(frame.subarray(lengthBytes, lengthBytes + length));
  const header = FileFrame.safeParse(value);
  if (!header.success) {
    const id = z.object({ id: clientId }).safeParse(value).data?.id;
    return {
      reason: "The header of a binary frame is no JSON that describes a file.",
      ...(id === undefined ? {} : { id }),
    };
  }
  return { header: header.data, bytes: frame.subarray(lengthBytes + length) };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/** As a client sends it. */
export function encodeFileFrame(header: FileFrame, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const frame = new Uint8Array(lengthBytes + text.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, text.length);
  frame.set(text, lengthBytes);
  frame.set(bytes, lengthBytes + text.length);
  return frame;
}
