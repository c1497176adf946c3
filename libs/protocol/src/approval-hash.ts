import { createHash } from "node:crypto";
import type { ApprovalPreview } from "./approval.ts";
import type { CallId, ConversationId, TurnId } from "./ids.ts";
import type { ToolArguments } from "./tool-calls.ts";

/** What a person agrees to. Apart from the library's entry, which browsers load: they have no `node:crypto`. */
export interface ApprovedCall {
  /** The tool's own name: an alias may belong to another tool tomorrow. */
  readonly tool_name: string;
  /** As they came from the model. */
  readonly arguments: ToolArguments;
  /** For whom it would run. */
  readonly user_id: string;
  readonly conversation_id: ConversationId;
  readonly turn_id: TurnId;
  readonly call_id: CallId;
  /** Of the dry run, whole: people may be shown its beginning. */
  readonly preview?: ApprovalPreview | undefined;
}

/**
 * SHA-256, hex, of the canonical JSON of all that was asked for and shown: equal for the same call, whatever the order of keys, and another one for any
 * other call. The tool worker computes it when it asks and again before it runs; everybody else hands it on.
 */
export function approvalHash(call: ApprovedCall): string {
  const { tool_name, arguments: args, user_id, conversation_id, turn_id, call_id, preview } = call;
  const covered = { tool_name, arguments: args, user_id, conversation_id, turn_id, call_id };
  const shown = preview === undefined ? {} : { preview: { kind: preview.kind, text: preview.text } };
  return createHash("sha256")
    .update(canonicalJson({ ...covered, ...shown }))
    .digest("hex");
}

/** JSON without blanks and with the keys of each object in the order of their UTF-16 units; what JSON cannot say is left out, as `JSON.stringify` does. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, entry]) => entry !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(",")}}`;
}
