import type { FileCommands } from "./files/files.ts";
import type { KeepFile } from "./message-files.ts";

/** Files that come with a message, as uploads of whoever sends it: with all limits of these. The same one again is the same file. */
export function createKeepFile({
  begin,
  receive,
  finish,
}: Pick<FileCommands, "begin" | "receive" | "finish">): KeepFile {
  return async (spender, { id, name, mediaType, bytes }) => {
    const begun = await begin(spender, { clientId: id, name, mediaType, bytes: bytes.length });
    if (begun.status === "stored") return begun.file_id;
    const pieces = [Buffer.from(bytes).subarray(begun.offset)].filter(({ length }) => length > 0);
    const read = async (): Promise<Buffer | undefined> => pieces.shift();
    const whole = await receive(begun, { offset: begun.offset, read, recheck: undefined });
    return (await finish(whole)).file_id;
  };
}
