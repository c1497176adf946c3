import type { Bus } from "@parley/bus";
import { type FileRecord } from "@parley/protocol";
import { textIdOf, textNameOf } from "@parley/protocol/turn-id";

/** Said before each text that is kept, so that it is one whatever it begins with. */
const head = "What a file says, as it was read for the model of this conversation.\n\n";
const keptName = "text.txt";

/** Of one text. More is cut: no model is given as much. */
const mostBytes = 512 * 1024;

export type KeptTexts = ReturnType<typeof createKeptTexts>;

/**
 * What was read or heard in files is a file itself, of the same conversation and owner: stored, encrypted and deleted as they are. Its id is made from that of the file, so whoever reads the file later,
 * or takes the turn over, finds the same text, and neither pays for it again nor reads another one. Of two that read it at once the first counts for both.
 */
export function createKeptTexts({ files }: Pick<Bus, "files">) {
  const read = async (of: FileRecord): Promise<string | undefined> => {
    const record = await files.read(textIdOf(of));
    if (record?.status !== "stored" || record.conversation_id !== of.conversation_id) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of files.bytesOf(record)) pieces.push(piece);
    return Buffer.concat(pieces).toString("utf8").slice(head.length);
  };

  return {
    read,

    /** Returns the text that counts. Throws where it cannot be stored. */
    async keep(of: FileRecord, text: string): Promise<string> {
      const { conversation_id: conversation, user, tenant } = of;
      const bytes = cutUtf8(Buffer.from(head + text.replaceAll(unprintable, " ").toWellFormed()), mostBytes);
      if (conversation !== undefined) {
        const about = {
          owner: { user, ...(tenant === undefined ? {} : { tenant }) },
          conversation,
          name: keptName,
          origin: "agent",
          mediaType: "text/plain",
          id: textNameOf(of),
          textOf: of.file_id,
        } as const;
        await files.bring({ ...about, bytes });
      }
      return (await read(of)) ?? text;
    },
  };
}

/** Stores take them for a sign of something else than text. */
const unprintable = /[^\P{Cc}\t\n\f\r]/gu;

/** Between characters. */
function cutUtf8(bytes: Buffer, most: number): Buffer {
  let end = Math.min(bytes.length, most);
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
