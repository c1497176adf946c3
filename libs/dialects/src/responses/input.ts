import { limits, turnOfCall } from "@parley/protocol";
import { z } from "zod";
import type { RequestMessage } from "../chat-completions/content.ts";
import { paramError } from "../openai/error.ts";
import { callOfRequest, placeOfItem, type ResponsePlace } from "./addresses.ts";
import { messagesOfCompaction } from "./compaction.ts";

/** The items of a request's `input`: what they say, in the order in which they were said. */

const InputPart = z.looseObject({
  type: z.string().max(64),
  text: z.string().optional(),
  refusal: z.string().optional(),
});

const InputItem = z.looseObject({
  type: z.string().max(64).nullish(),
  id: z.string().max(512).nullish(),
  role: z.enum(["system", "developer", "user", "assistant"]).nullish(),
  content: z.union([z.string(), z.array(InputPart).max(256)]).nullish(),
  call_id: z.string().max(256).nullish(),
  name: z.string().max(128).nullish(),
  arguments: z.string().nullish(),
  output: z.union([z.string(), z.array(InputPart).max(256)]).nullish(),
  approval_request_id: z.string().max(512).nullish(),
  approve: z.boolean().nullish(),
  reason: z.string().max(500).nullish(),
  encrypted_content: z.string().nullish(),
});
type InputItem = z.infer<typeof InputItem>;

const mostItems = 4_096;

export const Input = z.union([z.string(), z.array(InputItem).max(mostItems)]);
export type Input = z.infer<typeof Input>;

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
const typeOf = ({ type, role }: InputItem): string => type ?? (role ? "message" : "");

function isOfAnswer(item: InputItem): boolean {
  return ofAnswers.has(typeOf(item)) || item.role === "assistant";
}

function itemsOf(input: Input): InputItem[] {
  return typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;
}

/** The response of the newest item that was ours: clients that keep the history themselves send it back, or its name. */
export function newestResponseIn(input: Input): ResponsePlace | undefined {
  const ids = itemsOf(input).map(({ id, approval_request_id }) => id ?? approval_request_id ?? "");
  return ids
    .toReversed()
    .map(placeOfItem)
    .find((place) => place !== undefined);
}

/** What people are told to have decided, if that is what is new. Throws where something else is new as well. */
export function decisionsIn(input: Input): Decision[] {
  const items = itemsOf(input);
  const start = items.findLastIndex(isOfAnswer) + 1;
  const fresh = items.slice(start);
  const decisions = fresh.filter((item) => typeOf(item) === "mcp_approval_response");
  if (decisions.length > 0 && decisions.length < fresh.length) {
    const message = "Decide first on what is asked, then send the next message.";
    throw paramError("input", message, "UNSUPPORTED");
  }
  if (decisions.length > limits.callsPerStep) {
    throw paramError("input", `At most ${limits.callsPerStep} calls are decided on at a time.`);
  }
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
export function checkResults(input: Input): void {
  const items = itemsOf(input);
  const called = new Set(items.flatMap((item) => (typeOf(item) === "function_call" ? [item.call_id] : [])));
  items.forEach((item, at) => {
    const { call_id: id } = item;
    if (typeOf(item) !== "function_call_output" || called.has(id) || turnOfCall(id ?? "") !== undefined) return;
    throw paramError(`input[${at}].call_id`, "There is no call of this id that it could be the result of.");
  });
}

/** The input as the messages of Chat Completions. Throws for what is no text. */
export function messagesOf(input: Input, instructions: string | undefined): RequestMessage[] {
  const messages: RequestMessage[] = instructions === undefined ? [] : [{ role: "system", content: instructions }];
  itemsOf(input).forEach((item, at) => addItem(messages, item, `input[${at}]`));
  return messages;
}

/** Calls stand in one message with the text before them, as models say them. */
function addItem(messages: RequestMessage[], item: InputItem, param: string): void {
  const type = typeOf(item);
  if (type === "message")
    messages.push({ role: item.role ?? "user", content: textOf(item.content, `${param}.content`) });
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

function addCall(messages: RequestMessage[], { call_id, name, arguments: args }: InputItem, param: string): void {
  const called = { name: required(name, `${param}.name`), arguments: args ?? "{}" };
  const call = { id: required(call_id, `${param}.call_id`), type: "function", function: called };
  const last = messages.at(-1);
  if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call];
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
      const message = `Content of the type "${type}" is not supported here: only text.`;
      throw paramError(`${param}[${at}]`, message, "UNSUPPORTED");
    })
    .join("\n");
}
