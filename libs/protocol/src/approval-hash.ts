import { createHash } from "node:crypto";
import type { ApprovalPreview } from "./approval.ts";
import type { CallerRights } from "./caller.ts";
import type { CallId, ConversationId, TurnId } from "./ids.ts";
import type { User } from "./server-frames.ts";
import type { ToolArguments, ToolCall } from "./tool-calls.ts";

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
  /** What has to be typed. */
  readonly confirm?: string | undefined;
  /** Somebody else than the user has to agree. */
  readonly four_eyes?: true | undefined;
}

/** A call as its step committed it. */
export interface CommittedCall extends Pick<ToolCall, "tool_name" | "arguments"> {
  readonly user: Pick<User, "id" | "name">;
  readonly caller?: CallerRights | undefined;
}

/**
 * SHA-256, hex, of the canonical JSON of all that was asked for and shown: equal for the same call, whatever the order of keys, and another one for any
 * other call. The tool worker computes it when it asks and again before it runs; everybody else hands it on.
 */
export function approvalHash(call: ApprovedCall): string {
  const { tool_name, arguments: args, user_id, conversation_id, turn_id, call_id, preview } = call;
  const covered = { tool_name, arguments: args, user_id, conversation_id, turn_id, call_id };
  const shown = preview === undefined ? {} : { preview: { kind: preview.kind, text: preview.text } };
  // Of a call that demands neither it is what older versions compute.
  const demanded = { confirm: call.confirm, four_eyes: call.four_eyes };
  return hashOf({ ...covered, ...shown, ...demanded });
}

/**
 * The same of whose a call is, as far as it is asked what they may do and noted who did it. A step has it, so that whoever runs its calls need not believe the job. These fields alone:
 * versions that know more of a caller, or less, agree on them.
 */
export function callerHash({ user, caller }: Pick<CommittedCall, "user" | "caller">): string {
  const { tenant, roles, scopes, session, address } = caller ?? { roles: [] };
  return hashOf({ user: user.id, name: user.name, tenant, roles, scopes, session, address });
}

/** The same of a call that is asked about: the event of its step may be forgotten when somebody agrees. */
export function callHash({ tool_name, arguments: args, ...owner }: CommittedCall): string {
  return hashOf({ tool_name, arguments: args, caller: callerHash(owner) });
}

function hashOf(value: object): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
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
