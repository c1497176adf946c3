import {
  ApproveFrame,
  CallId,
  isDeeperThan,
  toChatError,
  type ApproveFrame as Approve,
  type ToolCallPart,
} from "@parley/protocol";
import { z } from "zod";
import { fileOfBase64, fileOfUrl, type GivenFile } from "../given-file.ts";
import { contextChars, taskIdChars } from "./addresses.ts";
import { A2aError, RpcId } from "./faults.ts";

/** `""` is what protobuf says of a field that is not set. */
const optionalText = (chars: number) =>
  z
    .string()
    .max(chars)
    .nullish()
    .transform((text) => (text === "" || text === null ? undefined : text));

const wholeNumber = { error: "must be a whole number from 0" };
const HistoryLength = z.number(wholeNumber).int(wholeNumber).min(0, wholeNumber).nullish();

const RawPart = z.looseObject({
  text: z.string().nullish(),
  raw: z.string().nullish(),
  url: z.string().nullish(),
  mediaType: z.string().max(127).nullish(),
  filename: z.string().max(1_024).nullish(),
});
type RawPart = z.infer<typeof RawPart>;

/** What a message says, as far as it is read. */
export type A2aPart = { readonly text: string } | { readonly data: unknown } | { readonly file: GivenFile };

const maxParts = 256;
const Metadata = z.record(z.string(), z.unknown());

const Message = z.object({
  messageId: z.string().min(1).max(128),
  contextId: optionalText(contextChars),
  taskId: optionalText(taskIdChars),
  role: z.literal("ROLE_USER", "must be ROLE_USER"),
  parts: z
    .array(RawPart)
    .min(1)
    .max(maxParts)
    .transform((parts) => parts.map(partOf)),
  metadata: Metadata.nullish(),
});
export type A2aMessage = z.infer<typeof Message>;

const tenant = optionalText(64);

export const SendParams = z.object({
  tenant,
  message: Message,
  configuration: z
    .object({
      acceptedOutputModes: z.array(z.string().max(256)).max(64).nullish(),
      taskPushNotificationConfig: z.unknown(),
      historyLength: HistoryLength,
      returnImmediately: z.boolean().nullish(),
    })
    .partial()
    .nullish(),
});
export type SendParams = z.infer<typeof SendParams>;

const id = z.string().min(1).max(taskIdChars);
export const TaskParams = z.object({ tenant, id, historyLength: HistoryLength });
export type TaskParams = z.infer<typeof TaskParams>;

const states = [
  ...["TASK_STATE_SUBMITTED", "TASK_STATE_WORKING", "TASK_STATE_COMPLETED", "TASK_STATE_FAILED"],
  ...["TASK_STATE_CANCELED", "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_REJECTED", "TASK_STATE_AUTH_REQUIRED"],
] as const;

/** Where a listing goes on, in each of its contexts. */
const pageTokenChars = 4_096;
const pageSizeRange = { error: "must be a whole number from 1 to 100" };
export const ListParams = z.object({
  tenant,
  contextId: optionalText(contextChars),
  /** `TASK_STATE_UNSPECIFIED` is what protobuf says where nothing was chosen. */
  status: z.enum([...states, "TASK_STATE_UNSPECIFIED"]).nullish(),
  pageSize: z.number(pageSizeRange).int(pageSizeRange).min(1, pageSizeRange).max(100, pageSizeRange).nullish(),
  pageToken: optionalText(pageTokenChars),
  historyLength: HistoryLength,
  statusTimestampAfter: z.iso.datetime({ offset: true }).nullish(),
  includeArtifacts: z.boolean().nullish(),
});
export type ListParams = z.infer<typeof ListParams>;

export const CardParams = z.object({ tenant }).nullish();

function partOf(part: RawPart): A2aPart {
  const kinds = (["text", "raw", "url", "data"] as const).filter((kind) => kind in part && part[kind] !== undefined);
  const [kind] = kinds;
  if (kinds.length !== 1 || kind === undefined) {
    throw new A2aError("INVALID_PARAMS", "Each part has exactly one of `text`, `data`, `raw` and `url`.");
  }
  if (kind === "data") return { data: part["data"] };
  if (kind === "text" && typeof part.text === "string") return { text: part.text };
  if (kind === "text") throw new A2aError("INVALID_PARAMS", "`text` of a part must be a string.");
  return { file: fileOf(kind, part) };
}

/** `raw` is base64. Of addresses our own and those that have the data in them are taken: nothing is fetched. */
function fileOf(kind: "raw" | "url", { raw, url, mediaType, filename: name }: RawPart): GivenFile {
  try {
    return kind === "raw" ? fileOfBase64(raw ?? "", { mediaType, name }) : fileOfUrl(url ?? "", { mediaType, name });
  } catch (error) {
    const { code, message } = toChatError(error);
    throw new A2aError(code === "UNSUPPORTED" ? "CONTENT_TYPE_NOT_SUPPORTED" : "INVALID_PARAMS", message);
  }
}

export interface RpcRequest {
  readonly id: RpcId;
  readonly method: string;
  readonly params: unknown;
}

const Rpc = z.object({
  jsonrpc: z.literal("2.0"),
  id: RpcId,
  method: z.string().min(1).max(128),
  params: z.unknown().optional(),
});

/** A request of JSON-RPC 2.0. A2A has no notifications: each has an id. Throws A2aError. */
export function decodeRpc(body: unknown): RpcRequest {
  const parsed = Rpc.safeParse(body);
  if (parsed.success) return { ...parsed.data, params: parsed.data.params };
  throw new A2aError(
    "INVALID_REQUEST",
    "The body must be one request of JSON-RPC 2.0: `jsonrpc`, `id`, `method`, `params`.",
  );
}

/** The id of what is perhaps no request. */
export function rpcIdOf(body: unknown): RpcId {
  return z.object({ id: RpcId }).catch({ id: null }).parse(body).id;
}

/** JSON can be parsed at depths at which it cannot be written again, as the data of a message is for the agent. */
const maxDepth = 64;

/** Throws A2aError, which names the first field that is not as it must be. */
export function decodeParams<T extends z.ZodType>(schema: T, params: unknown): z.output<T> {
  if (isDeeperThan(params, maxDepth)) {
    throw new A2aError("INVALID_PARAMS", `\`params\` are nested deeper than ${maxDepth} levels.`);
  }
  const parsed = schema.safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = (issue?.path ?? []).map(String).join(".").slice(0, 200);
  const message = `\`${field === "" ? "params" : field}\` is not valid: ${issue?.message ?? "it is of another type"}.`;
  throw new A2aError("INVALID_PARAMS", message);
}

/** Versions by major and minor: what stands behind counts for nothing (3.6). Throws A2aError; no version at all means 0.3. */
export function checkVersion(version: string): void {
  if (/^1\.0(\.\d{1,8})?$/.test(version.trim())) return;
  const asked = version.trim() === "" ? "No `A2A-Version` means 0.3, which" : "This `A2A-Version`";
  throw new A2aError("VERSION_NOT_SUPPORTED", `${asked} is not spoken here: send \`A2A-Version: 1.0\`.`);
}

/** The message as the agent reads it. Structured data is given to it as JSON. */
export function textOfMessage({ parts }: Pick<A2aMessage, "parts">): string {
  return parts
    .flatMap((part) => ("file" in part ? [] : ["text" in part ? part.text : JSON.stringify(part.data)]))
    .join("\n");
}

export function filesOfMessage({ parts }: Pick<A2aMessage, "parts">): GivenFile[] {
  return parts.flatMap((part) => ("file" in part ? [part.file] : []));
}

/** The agent that a request asks for: by the tenant of the interface that the client was given, or by the message. */
export function agentOf({ tenant: interfaceOf, message }: Pick<SendParams, "tenant" | "message">): string | undefined {
  const { agent } = z.object({ agent: optionalText(64) }).parse({ agent: message.metadata?.["agent"] });
  return agent ?? interfaceOf;
}

export type Decision = Omit<Approve, "type" | "conversation_id">;

const { approved, reason, confirm, like_ms, content } = ApproveFrame.shape;
const DecisionPart = z.object({ approved, reason, confirm, like_ms, content, call_id: CallId.optional() });
const SpelledOut = /^(approve|deny) ([A-Za-z0-9_-]{1,128})$/;

/**
 * What a reply to a task decides. Only a data part with `approved` does, or a text that is exactly `approve <call_id>` or `deny <call_id>`: no other text
 * ever agrees to anything. `asked`: the calls of the task that a person was asked about, also those that were decided: the same reply may come again, and must mean the same
 * call as before. Empty: it decides nothing. Throws A2aError for what contradicts itself, or names no such call.
 */
export function decisionsIn({ parts }: Pick<A2aMessage, "parts">, asked: readonly ToolCallPart[]): Decision[] {
  const texts = parts.flatMap((part) => ("text" in part ? [part.text.trim()] : []));
  const data = parts.flatMap((part) => ("data" in part ? [part.data] : []));
  const decisions = data.length === 0 ? texts.flatMap(spelledOut) : data.map((one) => inData(one, asked));
  // Words beside words that decide: nobody knows which of them were meant.
  if (data.length === 0 && decisions.length < texts.length) return [];
  const calls = new Set(decisions.map(({ call_id }) => call_id));
  if (calls.size < decisions.length) throw new A2aError("INVALID_PARAMS", "The message decides twice on one call.");
  for (const call of calls) {
    if (!asked.some(({ call_id }) => call_id === call))
      throw new A2aError("INVALID_PARAMS", "`call_id` names no call of this task that waits for a decision.");
  }
  return decisions;
}

function spelledOut(text: string): Decision[] {
  const [, word, call_id] = SpelledOut.exec(text) ?? [];
  return call_id === undefined ? [] : [{ call_id, approved: word === "approve" }];
}

function inData(data: unknown, asked: readonly ToolCallPart[]): Decision {
  const { call_id: named, ...decision } = decodeParams(DecisionPart, data);
  const [only, ...others] = asked;
  const call_id = named ?? (others.length === 0 ? only?.call_id : undefined);
  if (call_id === undefined)
    throw new A2aError("INVALID_PARAMS", "Not one call of this task asked for a decision: name it as `call_id`.");
  return { ...decision, call_id };
}

const outputs: ReadonlySet<string> = new Set([
  "text/plain",
  "text/*",
  "*/*",
  "text/markdown",
  "application/json",
  "text",
]);

/** Throws A2aError where the client takes nothing of what answers are. */
export function checkOutputModes(modes: readonly string[] | null | undefined): void {
  if (modes === null || modes === undefined || modes.length === 0) return;
  if (modes.some((mode) => outputs.has(mode.split(";", 1)[0]?.trim().toLowerCase() ?? ""))) return;
  throw new A2aError(
    "CONTENT_TYPE_NOT_SUPPORTED",
    "Answers are text/plain: `acceptedOutputModes` has nothing like it.",
  );
}
