import { createHash, randomBytes } from "node:crypto";
import type { FileId, FileOrigin, FileRecord } from "./files.ts";
import type { ConversationId, TurnId } from "./ids.ts";

/** Ids that are made. Apart from the library's entry, which browsers load: they have no `node:crypto`. */

const idLength = 22;

/** The same user, conversation and client message id are the same turn, on whichever edge. */
export function turnIdOf(userId: string, conversation: ConversationId, clientMessageId: string): TurnId {
  const key = JSON.stringify([userId, conversation, clientMessageId]);
  return createHash("sha256").update(key).digest("base64url").slice(0, idLength);
}

/** Nobody can guess it: 132 random bits. */
export function newConversationId(): ConversationId {
  return `c_${randomBytes(17).toString("base64url").slice(0, idLength)}`;
}

/** The same file of the same owner, wherever it is begun; without the client's own id nobody can guess it: 126 random bits. */
export function fileIdOf(
  { user, tenant }: { readonly user: string; readonly tenant?: string | undefined },
  origin: FileOrigin,
  clientId?: string,
): FileId {
  const body =
    clientId === undefined
      ? randomBytes(16).toString("base64url")
      : createHash("sha256")
          .update(JSON.stringify(["file", tenant ?? null, user, clientId]))
          .digest("base64url");
  return `file_${origin.charAt(0)}${body.slice(0, idLength - 1)}`;
}

/** What calls the text that is kept of a file: of each there is one, wherever it is asked for. */
export function textNameOf({ file_id }: Pick<FileRecord, "file_id">): string {
  return `text of ${file_id}`;
}

/** The id of the text that agents keep of a file. It goes with the file. */
export function textIdOf(file: Pick<FileRecord, "file_id" | "user" | "tenant">): FileId {
  return fileIdOf(file, "agent", textNameOf(file));
}
