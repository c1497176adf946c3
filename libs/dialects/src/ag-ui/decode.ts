import {
  ApproveFrame,
  CallId,
  ChatError,
  isDeeperThan,
  limits,
  MessageId,
  turnOfCall,
  type TurnId,
} from "@parley/protocol";
import { z } from "zod";
import { fileOfBase64, fileOfUrl, type GivenFile } from "../given-file.ts";
import type { ThreadMessage } from "./state.ts";

/** A message of the client's history: kept as it came, to be given back where a snapshot has to have it. */
const Message = z.looseObject({ id: z.string().max(256), role: z.string().max(64), content: z.unknown().optional() });
type Message = z.infer<typeof Message>;

const ResumeEntry = z.object({
  interruptId: z.string().min(1).max(256),
  status: z.enum(["resolved", "cancelled"]),
  payload: z.unknown().optional(),
});

const maxMessages = 10_000;
const maxDecisions = 100;

/**
 * AG-UI's RunAgentInput, as far as it is read: `state`, `tools`, `context` and `metadata` are not, and nothing of the history but what is new. Source: the schemas of
 * `@ag-ui/core` 0.0.59 and 1.0.0.
 */
export const RunAgentInput = z.object({
  threadId: z.string().min(1).max(256).describe("The thread: a conversation's id, or the client's own name of one."),
  runId: z.string().min(1).max(256).describe("The client's name of this run; events say it back."),
  protocolVersion: z.string().max(32).nullish().describe("Absent: the client is older than 1.0."),
  messages: z
    .array(Message)
    .max(maxMessages)
    .describe("The thread as the client has it; its last user message is asked."),
  forwardedProps: z
    .looseObject({ model: z.string().max(128).nullish().catch(undefined) })
    .nullish()
    .catch(undefined)
    .describe("`model`: the model that is to answer. The rest is not read."),
  resume: z
    .array(ResumeEntry)
    .max(maxDecisions)
    .nullish()
    .describe("What people say to the calls that wait for their word."),
});
export type RunAgentInput = z.infer<typeof RunAgentInput>;

export interface AskedQuestion {
  readonly id: string;
  readonly text: string;
  readonly files: readonly GivenFile[];
}

export type CallDecision = Omit<ApproveFrame, "type" | "conversation_id">;

/** What a run asks for. */
export interface AskedRun {
  readonly threadId: string;
  readonly runId: string;
  /** The client knows what AG-UI has only since 1.0, and drops what it does not know. */
  readonly isOne: boolean;
  /** The last user message. */
  readonly question: AskedQuestion | undefined;
  /** The client's messages up to that one. */
  readonly thread: readonly ThreadMessage[];
  /** The client has something of the answer to that. */
  readonly hasAnswer: boolean;
  /** It has made up results of these calls: what its person has decided, say (CopilotKit does). */
  readonly madeUp: ReadonlySet<string>;
  readonly model: string | undefined;
  readonly resume: NonNullable<RunAgentInput["resume"]>;
}

/** Throws UNSUPPORTED where the question has something else than text, INVALID_FRAME where its id is too long or a message is nested too deep. */
export function runOf({ threadId, runId, protocolVersion, messages, forwardedProps, resume }: RunAgentInput): AskedRun {
  // They are written again in snapshots, and JSON can be parsed at depths at which it cannot be written.
  if (messages.some((message) => isDeeperThan(message, limits.metadataDepth))) {
    throw new ChatError("INVALID_FRAME", {
      message: `A message is nested deeper than ${limits.metadataDepth} levels.`,
    });
  }
  const last = messages.findLastIndex(({ role }) => role === "user");
  const asked = messages[last];
  const behind = messages.slice(last + 1);
  return {
    threadId,
    runId,
    isOne: typeof protocolVersion === "string",
    question: asked === undefined ? undefined : questionOf(asked),
    thread: messages.slice(0, last + 1),
    hasAnswer: behind.some(({ role }) => role === "assistant" || role === "tool" || role === "reasoning"),
    madeUp: new Set(behind.flatMap(callOfMadeUp)),
    model: forwardedProps?.model ?? undefined,
    resume: resume ?? [],
  };
}

function questionOf({ id, content }: Message): AskedQuestion {
  if (!MessageId.safeParse(id).success) {
    throw new ChatError("INVALID_FRAME", { message: "The id of a user message has 1 to 128 characters." });
  }
  return { id, ...saidIn(content) };
}

/** `binary` before 1.0; after it a kind of file with its source. */
const Source = z.discriminatedUnion("type", [
  z.object({ type: z.literal("data"), value: z.string(), mimeType: z.string().max(127).nullish() }),
  z.object({ type: z.literal("url"), value: z.string(), mimeType: z.string().max(127).nullish() }),
]);
const ContentPart = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({
    type: z.literal("binary"),
    mimeType: z.string().max(127).nullish(),
    data: z.string().nullish(),
    url: z.string().nullish(),
    filename: z.string().max(1_024).nullish(),
  }),
  z.object({ type: z.enum(["image", "audio", "video", "document"]), source: Source }),
]);
const maxParts = 256;

function saidIn(content: unknown): Omit<AskedQuestion, "id"> {
  if (typeof content === "string") return { text: content, files: [] };
  const parts = z.array(ContentPart).max(maxParts).safeParse(content);
  if (!parts.success)
    throw new ChatError("UNSUPPORTED", { message: "Of a user message texts and files with their data are read." });
  const text = parts.data.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  return { text, files: parts.data.flatMap((part) => (part.type === "text" ? [] : [fileOfPart(part)])) };
}

function fileOfPart(part: Exclude<z.infer<typeof ContentPart>, { type: "text" }>): GivenFile {
  if (part.type === "binary") {
    const { data, url, mimeType: mediaType, filename: name } = part;
    return typeof data === "string"
      ? fileOfBase64(data, { mediaType, name })
      : fileOfUrl(url ?? "", { mediaType, name });
  }
  const { type, value, mimeType: mediaType } = part.source;
  return type === "data" ? fileOfBase64(value, { mediaType }) : fileOfUrl(value, { mediaType });
}

function callOfMadeUp({ id, role, ...rest }: Message): string[] {
  const call = rest["toolCallId"];
  return role === "tool" && typeof call === "string" && id !== `${call}-result` ? [call] : [];
}

const { reason, confirm, like_ms, content } = ApproveFrame.shape;
const Payload = z.looseObject({
  approved: z.boolean(),
  ...{ reason: reason.nullish(), confirm: confirm.nullish(), like_ms: like_ms.nullish(), content: content.nullish() },
});

/** The turn that the interrupts are of, and what is said to them. Throws INVALID_FRAME. */
export function decisionsOf(resume: AskedRun["resume"]): { readonly turn: TurnId; readonly decisions: CallDecision[] } {
  const decisions = resume.map(decisionOf);
  const [first, ...others] = new Set(decisions.map(({ call_id }) => turnOfCall(call_id)));
  if (first === undefined || others.length > 0) {
    throw new ChatError("INVALID_FRAME", { message: "`resume` names no interrupts, or not those of one run." });
  }
  return { turn: first, decisions };
}

function decisionOf({ interruptId, status, payload }: AskedRun["resume"][number]): CallDecision {
  const call = CallId.safeParse(interruptId);
  if (!call.success) throw new ChatError("NOT_FOUND", { message: "There is no such interrupt." });
  // Who turns away from the question has not agreed.
  if (status === "cancelled") return { call_id: call.data, approved: false, reason: "cancelled" };
  if (typeof payload === "boolean") return { call_id: call.data, approved: payload };
  const said = Payload.safeParse(payload);
  if (!said.success || "editedArgs" in said.data) throw unclear(call.data);
  return { call_id: call.data, approved: said.data.approved, ...given(said.data) };
}

function unclear(call: CallId): ChatError {
  const message = `\`resume\` must say \`payload: {"approved": true}\` or \`false\` to ${call}, and may add \`reason\`, \`confirm\`, \`like_ms\` and \`content\`; other arguments cannot be given.`;
  return new ChatError("INVALID_FRAME", { message });
}

function given(said: z.infer<typeof Payload>): Omit<CallDecision, "call_id" | "approved"> {
  return {
    ...(typeof said.reason === "string" ? { reason: said.reason } : {}),
    ...(typeof said.confirm === "string" ? { confirm: said.confirm } : {}),
    ...(typeof said.like_ms === "number" ? { like_ms: said.like_ms } : {}),
    ...(said.content === null || said.content === undefined ? {} : { content: said.content }),
  };
}
