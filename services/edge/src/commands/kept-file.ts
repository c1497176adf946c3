import type { Bus } from "@parley/bus";
import type { KeepFile } from "./message-files.ts";

/** Files that come with a message, as uploads of whoever sends it. The same one again is the same file. */
export function createKeepFile({ files }: Pick<Bus, "files">): KeepFile {
  return async ({ user, tenant }, { id, name, mediaType, bytes }) => {
    const owner = { user: user.id, ...(tenant === undefined ? {} : { tenant }) };
    const begun = await files.begin({ owner, clientId: id, name, mediaType, bytes: bytes.length });
    if (begun.status === "stored") return begun.file_id;
    const whole = await files.append(begun.file_id, begun.offset, bytes.subarray(begun.offset));
    return (await files.finish(whole.file_id)).file_id;
  };
}
