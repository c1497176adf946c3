import {
  cutJsonText,
  isSource,
  isToolCall,
  pendingCallsOf,
  shortArguments,
  textOf,
  Usage,
  type AgentChoice,
  type ChatError,
  type Outcome,
  type SourcePart,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import { z } from "zod";
import type { TurnPlace } from "../turn-watch.ts";
import { silenceText } from "../turn/silence.ts";
import { agentTools, answerTool } from "./addresses.ts";
import { AgentArguments, AnswerArguments } from "./decode.ts";

/** What clients of MCP get: tools, and the results of their calls. */

export interface McpText {
  readonly type: "text";
  readonly text: string;
}

/** A type, not an interface: the SDK takes results with fields that it does not know. */
export type McpResult = {
  content: McpText[];
  structuredContent: Record<string, unknown>;
  isError?: boolean;
};

/** Of the arguments and of the result of one call, as JSON: their beginnings. The whole is kept by Parley. */
const callBytes = 1_024;
const mostSources = 32;

const Called = z.object({
  call_id: z.string(),
  tool_name: z.string(),
  arguments: z.record(z.string(), z.unknown()).describe("Of long ones the beginning."),
  status: z.string().optional().describe("How it ended. Absent: it has not."),
  result: z.string().optional().describe("Its beginning."),
});
const Waited = z.object({
  call_id: z.string(),
  tool_name: z.string(),
  summary: z.string(),
  expires_at: z.string().optional().describe("Undecided by then it counts as denied."),
});

/** `structuredContent` of every result. */
export const TurnContent = z.object({
  conversation_id: z.string().optional().describe("Give it to go on in this conversation."),
  turn_id: z.string().optional(),
  status: z
    .enum(["complete", "cancelled", "error", "waiting", "running"])
    .describe("`waiting`: for a person's word. `running`: nobody waited for its end."),
  agent: z.string().optional(),
  model: z.string().optional(),
  finish: z.string().optional().describe("Why the answer is not whole. Absent: it is."),
  tool_calls: z.array(Called),
  sources: z.array(z.object({ title: z.string(), file: z.string().optional(), url: z.string().optional() })),
  usage: Usage.optional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
      retry_after_ms: z.number().optional().describe("Sooner it is refused again."),
    })
    .optional(),
  waiting_for: z.array(Waited).optional().describe("Calls that a person has to agree to."),
  decide_at: z.string().optional().describe("Where a person decides."),
});
export type TurnContent = z.infer<typeof TurnContent>;

const draft = { target: "draft-2020-12" } as const;

function createSchemas() {
  return {
    output: asObject(z.toJSONSchema(TurnContent, { ...draft, io: "output" })),
    agent: asObject(z.toJSONSchema(AgentArguments, { ...draft, io: "input" })),
    answer: asObject(z.toJSONSchema(AnswerArguments, { ...draft, io: "input" })),
  };
}
/** Made when they are first asked for. */
let schemas: ReturnType<typeof createSchemas> | undefined;

/** One tool for each agent, and one that waits for what was begun; always in the same order. */
export function toolsOf(agents: readonly AgentChoice[]): McpTool[] {
  schemas ??= createSchemas();
  const { output: outputSchema, agent: inputSchema } = schemas;
  const own = [...agentTools(agents)].map(([name, agent]) => ({
    name,
    title: agent.name,
    description: descriptionOf(agent),
    inputSchema,
    outputSchema,
    // What an agent's tools change is asked about by Parley, whatever a client makes of this.
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  }));
  const answer = {
    name: answerTool,
    title: "Wait for an answer",
    description:
      "Waits for an answer that was begun before and whose result has not come yet, because it waited for a person or the connection was lost. It asks nothing anew.",
    inputSchema: schemas.answer,
    outputSchema,
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
  };
  return [...own, answer];
}

export interface McpTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: Readonly<Record<string, boolean>>;
}

type ObjectSchema = { type: "object" } & Record<string, unknown>;

function asObject(schema: object): ObjectSchema {
  return { ...schema, type: "object" };
}

function descriptionOf({ description, examples = [] }: AgentChoice): string {
  const asked = examples.length === 0 ? "" : ` Asked for example: ${examples.map((one) => `“${one}”`).join(", ")}.`;
  return `${description}${asked} It answers in text, and asks a person before it changes anything.`;
}

/** Where a person can look at a conversation. */
export type Whereabouts = TurnPlace & { readonly address: string };

/** A turn that has ended, or that waits for people. */
export function resultOf(turn: TurnView, where: Whereabouts): McpResult {
  const { outcome } = turn;
  if (outcome === undefined) return waitingResult(turn, where);
  const said = textOf(turn.parts) || outcome.response;
  const how = endOf(outcome);
  const text = [said, ...(how === undefined ? [] : [how])].filter((line) => line !== "").join("\n\n");
  return {
    content: [...(text === "" ? [] : [textBlock(text)]), goOn(where)],
    structuredContent: { ...contentOf(turn, where), status: outcome.type, ...endFields(outcome) },
    ...(outcome.type === "complete" ? {} : { isError: true }),
  };
}

function endOf(outcome: Outcome): string | undefined {
  if (outcome.type === "error") return `The answer failed: ${outcome.error}`;
  if (outcome.type === "cancelled") return "The answer was stopped; this is all there is of it.";
  const { finish } = outcome.metadata;
  if (finish === undefined || finish === "stop") return silenceText(outcome);
  return finish === "empty" ? "The model said nothing." : `The answer is not whole: it was cut (${finish}).`;
}

function endFields(outcome: Outcome): Partial<TurnContent> {
  // Clients check what they get against the schema, which takes no field that it does not name.
  const usage = Usage.parse(outcome.usage);
  if (outcome.type === "cancelled") return { usage };
  if (outcome.type === "error") {
    const { code, error: message, retryable, retry_after_ms } = outcome;
    return { usage, error: { code, message, retryable, ...retryField(retry_after_ms) } };
  }
  const { agent, model, finish } = outcome.metadata;
  return {
    usage,
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(finish === undefined || finish === "stop" ? {} : { finish }),
  };
}

/** For clients that cannot ask their user: where to decide, and how to get the answer then. Nothing of it can be called by a model. */
function waitingResult(turn: TurnView, where: Whereabouts): McpResult {
  const calls = pendingCallsOf(turn);
  const lines = calls.map(
    ({ tool_name, approval }) => `- ${tool_name}: ${approval?.summary ?? ""}${until(approval?.expires_at)}`,
  );
  const text = [
    textOf(turn.parts),
    `This waits for a person, who has to agree in Parley at ${where.address}:`,
    lines.join("\n"),
    `Nothing of it was done yet. Tell your user, and when they have decided call ${answerTool} with the conversation_id and the turn_id of this result.`,
  ];
  const waiting_for = calls.map(({ call_id, tool_name, approval }) => ({
    call_id,
    tool_name,
    summary: approval?.summary ?? "",
    ...(approval?.expires_at === undefined ? {} : { expires_at: new Date(approval.expires_at).toISOString() }),
  }));
  const content: TurnContent = { ...contentOf(turn, where), status: "waiting", waiting_for, decide_at: where.address };
  return {
    content: [textBlock(text.filter((line) => line !== "").join("\n\n")), goOn(where)],
    structuredContent: content,
  };
}

function until(expiresAt: number | undefined): string {
  return expiresAt === undefined ? "" : ` (until ${new Date(expiresAt).toISOString()})`;
}

function retryField(retry_after_ms: number | undefined) {
  return retry_after_ms === undefined ? {} : { retry_after_ms };
}

/** A refusal for a model, which may be given nothing but the text and would try again at once. */
export function sentenceOf({ message, retryAfterMs }: Pick<ChatError, "message" | "retryAfterMs">): string {
  return retryAfterMs === undefined
    ? message
    : `${message} Wait ${Math.ceil(retryAfterMs / 1_000)} s before you try again.`;
}

/** What went wrong with a call, as its model reads it. `where`: of a turn that goes on. */
export function failedResult(failure: ChatError, where?: Whereabouts): McpResult {
  const { code, message, retryable, retryAfterMs } = failure;
  const more =
    where === undefined
      ? []
      : [
          textBlock(
            `The answer goes on: call ${answerTool} with conversation_id ${where.conversation_id} and turn_id ${where.turn_id}.`,
          ),
        ];
  const place = where === undefined ? {} : { conversation_id: where.conversation_id, turn_id: where.turn_id };
  const status = where === undefined ? "error" : "running";
  const error = { code, message, retryable, ...retryField(retryAfterMs) };
  const content: TurnContent = { ...place, status, tool_calls: [], sources: [], error };
  return {
    content: [textBlock(where === undefined ? sentenceOf(failure) : message), ...more],
    structuredContent: content,
    isError: true,
  };
}

function contentOf({ parts }: TurnView, { conversation_id, turn_id }: TurnPlace) {
  return {
    conversation_id,
    turn_id,
    tool_calls: parts.filter(isToolCall).map(calledOf),
    sources: parts.filter(isSource).slice(0, mostSources).map(sourceOf),
  };
}

function calledOf({ call_id, tool_name, arguments: args, status, result }: ToolCallPart): z.infer<typeof Called> {
  return {
    call_id,
    tool_name,
    arguments: shortArguments(args, callBytes),
    ...(status === undefined ? {} : { status }),
    ...(result === undefined ? {} : { result: cutJsonText(result, callBytes) }),
  };
}

function sourceOf({ title, file, url }: SourcePart): TurnContent["sources"][number] {
  return { title, ...(file === undefined ? {} : { file }), ...(url === undefined ? {} : { url }) };
}

function textBlock(text: string): McpText {
  return { type: "text", text };
}

/** Many clients give their model the texts alone. */
function goOn({ conversation_id }: TurnPlace): McpText {
  return textBlock(`conversation_id: ${conversation_id}`);
}
