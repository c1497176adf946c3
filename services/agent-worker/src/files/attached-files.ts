import {
  filesOf,
  messageIdOf,
  noFiles,
  type FilePart,
  type Files,
  type StoredTurn,
  type TurnRequest,
} from "@parley/protocol";
import type { Room } from "../room.ts";
import { wayOf } from "./file-content.ts";

/** Which files of a conversation are looked at for an answer. Pure. */

export interface AttachedFile {
  readonly file: FilePart;
  readonly messageId: string;
  /** Of the message that is to be answered. */
  readonly isAsked: boolean;
}

/** Of what earlier messages brought: the newest ones. */
export const earlierLimits = { images: 6, imageBytes: 8 * 1024 * 1024, texts: 12 } as const;

export interface Conversation {
  readonly request: Pick<TurnRequest, "turn_id" | "files">;
  readonly history: readonly StoredTurn[];
  readonly room: Pick<Room, "posts"> | undefined;
}

/** Those of the message first, then those before it, the newest first; each once. Empty: the conversation has none. */
export function attachedFiles({ request, history, room }: Conversation): AttachedFile[] {
  const asked = of(request.files, messageIdOf(request.turn_id, "user"), true);
  const before = [
    ...history.flatMap(({ question }) => (question === undefined ? [] : [{ ...question, files: filesIn(question) }])),
    ...(room?.posts ?? []),
  ].filter(({ files }) => files !== undefined && files.length > 0);
  const earlier = before
    .toSorted((one, other) => other.ts - one.ts)
    .flatMap(({ files, message_id }) => of(files, message_id, false));
  const known = new Set<string>();
  return [...asked, ...earlier].filter(({ file }) => !known.has(file.file_id) && known.add(file.file_id));
}

function of(files: Files | undefined, messageId: string, isAsked: boolean): AttachedFile[] {
  return (files ?? noFiles).map((file) => ({ file, messageId, isAsked }));
}

function filesIn({ parts }: NonNullable<StoredTurn["question"]>): FilePart[] {
  return parts === undefined ? [] : filesOf(parts);
}

/** Those that are read; of the others the model is told that they are there. */
export function readNow(attached: readonly AttachedFile[]): AttachedFile[] {
  let { images, imageBytes, texts }: { images: number; imageBytes: number; texts: number } = earlierLimits;
  return attached.filter(({ file, isAsked }) => {
    if (isAsked) return true;
    if (wayOf(file)?.by !== "image") return --texts >= 0;
    imageBytes -= file.bytes;
    return --images >= 0 && imageBytes >= 0;
  });
}

/** The text of a message for whoever reads no files: of one without text the names of what it brought. */
export function textOrNames({ message, files = [] }: Pick<TurnRequest, "message" | "files">): string {
  return message.trim() !== "" || files.length === 0 ? message : files.map(({ name }) => name).join(", ");
}
