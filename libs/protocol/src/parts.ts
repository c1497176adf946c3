import { z } from "zod";
import { ApprovalState } from "./approval.ts";
import { CallId } from "./ids.ts";
import { Source } from "./source.ts";
import { FinishedToolCall, ToolCall } from "./tool-calls.ts";

/** What a message is made of, in the order in which it came (docs/adr/0016). */

export const TextPart = z
  .object({ type: z.literal("text"), text: z.string().describe("Of the answer, or of a message.") })
  .describe("Text: the texts of all such parts together are the plain message.");
export type TextPart = z.infer<typeof TextPart>;

export const ReasoningPart = z
  .object({
    type: z.literal("reasoning"),
    text: z.string().describe("What the model thought."),
    shown: z.boolean().optional().describe("The agent wants it to be seen at once. Absent: clients fold it."),
  })
  .describe("The model's reasoning; it is not part of the answer.");
export type ReasoningPart = z.infer<typeof ReasoningPart>;

export const ToolCallPart = z
  .object({
    type: z.literal("tool_call"),
    ...FinishedToolCall.partial().shape,
    ...ToolCall.shape,
    result_id: CallId.optional().describe("The whole result is kept under this id, if it is longer."),
    approval: ApprovalState.optional().describe("A person has to agree, or had to."),
  })
  .describe("A tool call. Without `status` it still runs.");
export type ToolCallPart = z.infer<typeof ToolCallPart>;

export const SourcePart = z
  .object({
    type: z.literal("source"),
    ...Source.shape,
    url: z.string().optional().describe("Where the document is."),
  })
  .describe("A passage that the answer may rest on.");
export type SourcePart = z.infer<typeof SourcePart>;

export const FilePart = z
  .object({
    type: z.literal("file"),
    file_id: z.string().describe("The file's id."),
    name: z.string().describe("As its owner called it."),
    media_type: z.string().describe("What it is, by its content."),
    bytes: z.number().int().nonnegative().describe("Its size."),
  })
  .describe("A file, of a message or given back by the tool before it. Its bytes: `GET /api/v1/files/:id`.");
export type FilePart = z.infer<typeof FilePart>;

export const DataPart = z
  .object({
    type: z.literal("data"),
    name: z.string().describe("What it is."),
    data: z.unknown().describe("Whatever an agent says to its own clients."),
  })
  .describe("Something for programs. Reserved.");
export type DataPart = z.infer<typeof DataPart>;

export const KnownPart = z.discriminatedUnion("type", [
  TextPart,
  ReasoningPart,
  ToolCallPart,
  SourcePart,
  FilePart,
  DataPart,
]);
export type KnownPart = z.infer<typeof KnownPart>;
const knownTypes: ReadonlySet<string> = new Set(KnownPart.options.map(({ shape }) => shape.type.value));

/** A part that only a newer version knows: passed on as it is, shown by nobody. */
const NewPart = z.looseObject({ type: z.string().refine((type) => !knownTypes.has(type)) });

/** What says that it is one of the known ones and is not. */
const unreadablePart: KnownPart = { type: "data", name: "unreadable", data: null };

export const Part = z.union([KnownPart, NewPart]).catch(unreadablePart).describe("A piece of a message.");
export type Part = z.infer<typeof Part>;

export function isKnownPart(part: Part): part is KnownPart {
  return knownTypes.has(part.type);
}
