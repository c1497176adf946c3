import { ChatError, limits, turnOfCall, type ClientCall } from "@parley/protocol";
import { z } from "zod";
import type { RequestMessage } from "../chat-completions/content.ts";
import { bounded, excessOf, parseItems } from "../openai/bounded.ts";
import { paramError } from "../openai/error.ts";
import { fileOfUrl } from "../given-file.ts";
import { callOfRequest, placeOfItem, type ResponsePlace } from "./addresses.ts";
import { messagesOfCompaction } from "./compaction.ts";

/** The items of a request's `input`: what they say, in the order in which they were said. */

const InputPart = z.object({
  type: z.string().max(64),
  text: z.string().optional(),
  refusal: z.string().optional(),
  image_url: z.string().nullish(),
  file_id: z.string().max(256).nullish(),
  file_data: z.string().nullish(),
  file_url: z.string().nullish(),
  filename: z.string().max(1_024).nullish(),
});
const Content = bounded(z.union([z.string(), z.array(InputPart)]), { maxItems: 256 }).nullish();

/** What tells the items apart: of those that stand before the last answer no more is read in a conversation that is kept here. */
const head = {
  type: z.string().max(64).nullish(),
  id: z.string().max(512).nullish(),
  role: z.enum(["system", "developer", "user", "assistant"]).nullish(),
  call_id: z.string().max(256).nullish(),
  approval_request_id: z.string().max(512).nullish(),
};
const ItemHead = z.object(head);
type ItemHead = z.infer<typeof ItemHead>;

const InputItem = z.object({
  ...head,
  content: Content,
  name: z.string().max(128).nullish(),
  arguments: z.string().nullish(),
  output: Content,
  approve: z.boolean().nullish(),
  reason: z.string().max(500).nullish(),
  encrypted_content: z.string().nullish(),
});
type InputItem = z.infer<typeof InputItem>;

const mostItems = 4_096;
const list = "input";

export const Input = bounded(z.union([z.string(), z.array(z.unknown())]), { maxItems: mostItems });

/** What is to be read of an input. */
export interface ReadInput {
  /** As they were sent. */
  readonly items: readonly unknown[];
  readonly heads: readonly ItemHead[];
}

/** Throws for the first item that is none. */
export function readInput(input: z.infer<typeof Input>): ReadInput {
  const items = typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;
  return { items, heads: parseItems(ItemHead, items, { list }) };
}

/** What a person said to a call that waited. */
export interface Decision {
  readonly place: ResponsePlace;
  readonly call_id: string;
  readonly approved: boolean;
  readonly reason: string | undefined;
}

/** What comes of the model or of us, so that what stands behind the last of it is new. */
const ofAnswers: ReadonlySet<string> = new Set([
  ...["function_call", "reasoning", "mcp_call", "mcp_list_tools", "mcp_approval_request", "item_reference"],
  "compaction",
]);

/** A message may come without its type. */
const typeOf = ({ type, role }: ItemHead): string => type ?? (role ? "message" : "");

function isOfAnswer(item: ItemHead): boolean {
  return ofAnswers.has(typeOf(item)) || item.role === "assistant";
}

/** The response of the newest item that was ours: clients that keep the history themselves send it back, or its name. */
export function newestResponseIn({ heads }: ReadInput): ResponsePlace | undefined {
  for (const { id, approval_request_id } of heads.toReversed()) {
    const place = placeOfItem(id ?? approval_request_id ?? "");
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Where what is new begins: behind the last item of an answer. */
function startOfNew({ heads }: ReadInput): number {
  return heads.findLastIndex(isOfAnswer) + 1;
}

/** What people are told to have decided, if that is what is new. Throws where something else is new as well. */
export function decisionsIn(input: ReadInput): Decision[] {
  const start = startOfNew(input);
  const fresh = input.heads.slice(start);
  const count = fresh.filter((item) => typeOf(item) === "mcp_approval_response").length;
  if (count === 0) return [];
  if (count < fresh.length) {
    const message = "Decide first on what is asked, then send the next message.";
    throw paramError("input", message, "UNSUPPORTED");
  }
  if (count > limits.callsPerStep) {
    throw paramError("input", `At most ${limits.callsPerStep} calls are decided on at a time.`);
  }
  const decisions = parseItems(InputItem, input.items.slice(start), { list, start });
  const found = decisions.map((item, index) => decisionOf(item, `input[${start + index}]`));
  const twice = found.findIndex(({ call_id }, index) => found.findIndex((other) => other.call_id === call_id) < index);
  if (twice >= 0) throw paramError(`input[${start + twice}]`, "The same call is decided on twice.");
  return found;
}

function decisionOf({ approval_request_id: id, approve, reason }: InputItem, param: string): Decision {
  const asked = callOfRequest(id ?? "");
  if (asked === undefined) {
    throw paramError(`${param}.approval_request_id`, "There is no such request for approval.", "NOT_FOUND");
  }
  if (approve === undefined || approve === null) throw paramError(`${param}.approve`, "It must be true or false.");
  return { place: asked.place, call_id: asked.call, approved: approve, reason: reason ?? undefined };
}

/**
 * Throws for a result of a call that nobody can have made: in a conversation that is kept here a call is one of ours, or stands in the input itself. Whether
 * there was such a call is not looked up: a result is data to the model, as any message is.
 */
export function checkResults({ heads }: ReadInput): void {
  const called = callsIn(heads);
  heads.forEach((item, at) => {
    const { call_id: id } = item;
    if (typeOf(item) !== "function_call_output" || called.has(id) || turnOfCall(id ?? "") !== undefined) return;
    throw paramError(`input[${at}].call_id`, "There is no call of this id that it could be the result of.");
  });
}

function callsIn(heads: readonly ItemHead[]): ReadonlySet<string | null | undefined> {
  return new Set(heads.flatMap((item) => (typeOf(item) === "function_call" ? [item.call_id] : [])));
}

/** The newest result of a call that does not stand in the input: then it is one of an answer that is kept here. */
export function keptCallIn(input: ReadInput): string | undefined {
  const called = callsIn(input.heads);
  const fresh = input.heads.slice(startOfNew(input));
  const result = fresh.findLast((item) => typeOf(item) === "function_call_output" && !called.has(item.call_id));
  return result?.call_id ?? undefined;
}

/** All of it as the messages of Chat Completions. Throws for what is no text. */
export function messagesOf(input: ReadInput, instructions: string | undefined): RequestMessage[] {
  const messages: RequestMessage[] = instructions === undefined ? [] : [{ role: "system", content: instructions }];
  addItems(messages, input, { from: 0 });
  return messages;
}

/** What is new, behind the answer before it. `calls`: of that answer, as it is kept here. */
export function newMessagesOf(input: ReadInput, calls: readonly ClientCall[]): RequestMessage[] {
  const start = startOfNew(input);
  const messages: RequestMessage[] = [];
  addItems(messages, input, { from: startOfRun(input, start), to: start });
  for (const { call_id, tool_name: name, arguments: args } of calls)
    addCall(messages, { call_id, name, arguments: args }, list);
  addItems(messages, input, { from: start });
  return messages;
}

/** Where the answer begins that ends before this item. */
function startOfRun({ heads }: ReadInput, end: number): number {
  return heads.slice(0, end).findLastIndex((item) => !isOfAnswer(item)) + 1;
}

/** As they are sent, with all that is not read of them: no more is looked at. */
const sentBytes = 2 * limits.givenMessagesBytes;
const unread: ReadonlySet<string> = new Set(["reasoning", "mcp_call", "mcp_list_tools", "mcp_approval_request"]);

/** Throws, before anything is made of it, where it is more than may be handed on. */
export function checkSize({ items, heads }: ReadInput, isKept: boolean): void {
  const start = isKept ? startOfNew({ items, heads }) : 0;
  const read = items.filter((_, at) => at >= start && !unread.has(typeOf(heads[at] ?? {})));
  const excess = excessOf(read, { maxBytes: sentBytes, isFree: isFile });
  if (excess !== undefined) throw paramError(list, `The request is not valid: what counts of the input ${excess}.`);
}

const fileTypes: ReadonlySet<string> = new Set(["input_image", "input_file"]);
/** Files are stored and not handed on: what they take is bounded by the request's own size. */
function isFile(part: object): boolean {
  return "type" in part && typeof part.type === "string" && fileTypes.has(part.type);
}

interface Range {
  readonly from: number;
  /** Default: to the end. */
  readonly to?: number;
}

/** Items one by one, to the first that is wrong. */
function addItems(messages: RequestMessage[], { items, heads }: ReadInput, { from, to = items.length }: Range): void {
  for (let at = from; at < to; at++) {
    if (unread.has(typeOf(heads[at] ?? {}))) continue;
    const [item] = parseItems(InputItem, items.slice(at, at + 1), { list, start: at });
    if (item !== undefined) addItem(messages, item, `input[${at}]`);
  }
}

/** Calls stand in one message with the text before them, as models say them. */
function addItem(messages: RequestMessage[], item: InputItem, param: string): void {
  const type = typeOf(item);
  if (type === "message") messages.push({ role: item.role ?? "user", content: contentOf(item, `${param}.content`) });
  else if (type === "function_call") addCall(messages, item, param);
  else if (type === "compaction")
    messages.push(...messagesOfCompaction(item.encrypted_content ?? "", `${param}.encrypted_content`));
  else if (type === "function_call_output") {
    const id = required(item.call_id, `${param}.call_id`);
    messages.push({ role: "tool", tool_call_id: id, content: textOf(item.output, `${param}.output`) });
  } else if (!ofAnswers.has(type) && type !== "mcp_approval_response") {
    throw paramError(`${param}.type`, `Items of the type "${type}" are not supported here.`, "UNSUPPORTED");
  }
}

/** Files of users stand in it as those of Chat Completions do. */
function contentOf({ role, content }: InputItem, param: string): RequestMessage["content"] {
  const hasFiles =
    Array.isArray(content) && (role ?? "user") === "user" && content.some(({ type }) => fileTypes.has(type));
  if (!hasFiles) return textOf(content, param);
  return content.map((part, at) => {
    if (!fileTypes.has(part.type)) return { type: "text", text: textOf([part], `${param}[${at}]`) };
    const { image_url: image, file_id, file_data, file_url: url, filename } = part;
    if (typeof image === "string") return partOfUrl(image, `${param}[${at}].image_url`);
    if (typeof url === "string") return partOfUrl(url, `${param}[${at}].file_url`);
    return { type: "file", file: { file_id, file_data, filename } };
  });
}

/** Throws for an address of others. What holds the data itself is read later, once. */
function partOfUrl(url: string, param: string) {
  try {
    if (!/^data:/i.test(url)) fileOfUrl(url);
  } catch (error) {
    if (error instanceof ChatError) throw paramError(param, error.message, "UNSUPPORTED");
    throw error;
  }
  return { type: "image_url", image_url: { url } } as const;
}

function addCall(
  messages: RequestMessage[],
  { call_id, name, arguments: args }: Pick<InputItem, "call_id" | "name" | "arguments">,
  param: string,
): void {
  const called = { name: required(name, `${param}.name`), arguments: args ?? "{}" };
  const call = { id: required(call_id, `${param}.call_id`), type: "function", function: called };
  const last = messages.at(-1);
  if (last?.role === "assistant") (last.tool_calls ??= []).push(call);
  else messages.push({ role: "assistant", content: "", tool_calls: [call] });
}

function required(value: string | null | undefined, param: string): string {
  if (value === undefined || value === null || value === "") throw paramError(param, "It must be given.");
  return value;
}

const textTypes: ReadonlySet<string> = new Set(["input_text", "output_text", "text", "summary_text"]);

function textOf(content: InputItem["content"], param: string): string {
  if (content === undefined || content === null || typeof content === "string") return content ?? "";
  return content
    .map(({ type, text, refusal }, at) => {
      if (textTypes.has(type) && text !== undefined) return text;
      if (type === "refusal" && refusal !== undefined) return refusal;
      const message = `Content of the type "${type}" is not supported here: only text and files.`;
      throw paramError(`${param}[${at}]`, message, "UNSUPPORTED");
    })
    .join("\n");
}
