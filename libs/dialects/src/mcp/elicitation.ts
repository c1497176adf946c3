import { pendingCallsOf, type ApprovalState, type FormField, type ToolCallPart, type TurnView } from "@parley/protocol";
import { formPrefix, ownFields } from "./decode.ts";

/** Questions to the person in front of a client that can ask (elicitation). What they answer decides; no tool does, so no model can. */

interface Words {
  title?: string;
  description?: string;
}

/** What the protocol takes as a field: flat, and no more than this. */
type Field = Words &
  (
    | { type: "boolean"; default?: boolean }
    | { type: "number" | "integer" }
    | { type: "string" }
    | { type: "string"; enum: string[] }
    | { type: "array"; items: { type: "string"; enum: string[] } }
  );

export interface McpQuestion {
  message: string;
  requestedSchema: { type: "object"; properties: Record<string, Field>; required: string[] };
}

/** Of what would change, in characters: the client's window is not Parley's page, where all of it can be read. */
const previewChars = 4_000;

/** The calls that the caller can be asked about at their client. Where somebody else has to agree, they can only say no, and do so in Parley. */
export function askableCalls(turn: TurnView): ToolCallPart[] {
  return pendingCallsOf(turn).filter(({ approval }) => approval?.four_eyes !== true);
}

/** `problem`: why the answer before did not do. */
export function questionOf({ tool_name, approval = {} }: ToolCallPart, problem?: string): McpQuestion {
  const { confirm } = approval;
  const form = approval.form ?? [];
  return {
    message: messageOf(tool_name, approval, problem),
    requestedSchema: {
      type: "object",
      properties: {
        [ownFields.approve]: { type: "boolean", title: "Agree to exactly this", default: false },
        ...(confirm === undefined
          ? {}
          : { [ownFields.confirm]: { type: "string" as const, title: `To agree, type ${confirm}` } }),
        ...Object.fromEntries(form.map((field) => [formPrefix + field.name, fieldOf(field)])),
        [ownFields.reason]: { type: "string", title: "Why (the model reads it)" },
      },
      required: [ownFields.approve],
    },
  };
}

function messageOf(
  tool: string,
  { summary, preview, policy_reason, expires_at }: ApprovalState,
  problem?: string,
): string {
  const lines = [
    problem,
    `Parley asks whether ${tool} may run: ${summary ?? ""}`,
    policy_reason === undefined ? undefined : `You are asked because: ${policy_reason}`,
    preview === undefined ? undefined : cut(preview.text),
    expires_at === undefined ? undefined : `Undecided at ${new Date(expires_at).toISOString()} it counts as denied.`,
  ];
  return lines.filter((line) => line !== undefined).join("\n\n");
}

function cut(text: string): string {
  return text.length <= previewChars ? text : `${text.slice(0, previewChars)}\n… (the rest is shown in Parley)`;
}

function fieldOf({ name, type, title = name, description, options }: FormField): Field {
  const words = { title, ...(description === undefined ? {} : { description }) };
  if (type === "choices") return { type: "array", ...words, items: { type: "string", enum: [...(options ?? [])] } };
  if (options !== undefined) return { type: "string", ...words, enum: [...options] };
  if (type === "boolean") return { type, ...words };
  return type === "number" || type === "integer" ? { type, ...words } : { type: "string", ...words };
}
