import { z } from "zod";
import { ChatError } from "./chat-error.ts";
import { FileId } from "./files.ts";
import { limits } from "./limits.ts";
import { FilePart } from "./parts.ts";

/** Files in messages: what a client names, and what is stored and told of them. Who may name which is decided where they are stored. */

const MessageText = z
  .object({
    type: z.literal("text"),
    text: z.string().describe("All such texts together are the text of the message."),
  })
  .describe("Text of a message.");
export const FileReference = z
  .object({
    type: z.literal("file"),
    file_id: FileId.describe("As the upload has named it."),
  })
  .describe("A file that was uploaded before. Whatever else a client says of it is ignored.");
export type FileReference = z.infer<typeof FileReference>;

/** What a client sends as a message, where that is not a text alone. */
const SaidPart = z.discriminatedUnion("type", [MessageText, FileReference]);
export const SaidParts = z
  .array(SaidPart)
  .max(limits.saidParts)
  .refine((parts) => parts.filter(isReference).length <= limits.filesPerMessage, {
    error: `has more than ${limits.filesPerMessage} files`,
  });
export type SaidParts = z.infer<typeof SaidParts>;

/** Of what is stored of a message, and of events. Absent: none, as in all that is older. */
export const messageFiles = {
  files: z.array(FilePart).optional().describe("The files of the message, in their order. Absent: none."),
};

/** The same of a tool call that has ended. */
export const callFiles = {
  files: z
    .array(FilePart)
    .optional()
    .describe("What the tool gave back beside its result: files, which stand behind the call. Absent: none."),
};

function isReference(part: z.infer<typeof SaidPart>): part is FileReference {
  return part.type === "file";
}

/** The ids of the files that a client names; each once, in their order. */
export function filesNamed(parts: SaidParts | undefined): string[] {
  return [...new Set((parts ?? []).filter(isReference).map(({ file_id }) => file_id))];
}

/** The message with its text, whichever way its client has said it. Throws ChatError INVALID_FRAME where it says it twice, and not alike. */
export function withSaidText<M extends { readonly message: string; readonly parts?: SaidParts | undefined }>(
  said: M,
): M {
  const texts = (said.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : []));
  const message = texts.length === 0 ? said.message : texts.join("");
  if (message === said.message) return said;
  if (said.message === "") return { ...said, message };
  throw new ChatError("INVALID_FRAME", {
    message: "The message and the texts of its parts say different things: send one of them.",
  });
}
