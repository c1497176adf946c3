import { cutJsonText, jsonBytes, limits, type ClientCall, type GivenMessage } from "@parley/protocol";
import { z } from "zod";
import { paramError } from "../openai/error.ts";

/** The messages of a request: as the whole conversation, or what is new in them. */

const ContentPart = z.looseObject({ type: z.string().max(64), text: z.string().optional() });

const RequestCall = z.object({
  id: z.string().min(1).max(256),
  type: z.string().max(64).optional(),
  function: z.object({ name: z.string().min(1).max(128), arguments: z.string() }).optional(),
});

export const RequestMessage = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.union([z.string(), z.array(ContentPart).max(256)]).nullish(),
  tool_calls: z.array(RequestCall).max(128).nullish(),
  tool_call_id: z.string().max(256).nullish(),
});
export type RequestMessage = z.infer<typeof RequestMessage>;

function textOf({ content }: RequestMessage, at: number): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content.map((part, index) => partText(part, `messages[${at}].content[${index}]`)).join("\n");
}

function partText({ type, text, refusal }: z.infer<typeof ContentPart>, param: string): string {
  if (type === "text" && text !== undefined) return text;
  if (type === "refusal" && typeof refusal === "string") return refusal;
  throw paramError(param, `Content of the type "${type}" is not supported here: only text.`, "UNSUPPORTED");
}

function callsOf({ tool_calls: calls }: RequestMessage, at: number): ClientCall[] {
  return (calls ?? []).map(({ id, function: called }, index) => {
    if (called === undefined)
      throw paramError(`messages[${at}].tool_calls[${index}]`, "Only calls of functions are supported.", "UNSUPPORTED");
    return { call_id: id, tool_name: called.name, arguments: called.arguments };
  });
}

/** Throws where a provider would refuse it, or where it is larger than may be handed on. */
export function givenMessagesOf(messages: readonly RequestMessage[]): GivenMessage[] {
  if (messages.length > limits.givenMessages) {
    throw paramError("messages", `A request may have ${limits.givenMessages} messages; name a conversation instead.`);
  }
  checkCalls(messages);
  const given = messages.map(givenMessage);
  if (jsonBytes(given) > limits.givenMessagesBytes) {
    const most = `${limits.givenMessagesBytes / 1024} KB`;
    throw paramError("messages", `The messages are together larger than ${most}; name a conversation instead.`);
  }
  return given;
}

function givenMessage(message: RequestMessage, at: number): GivenMessage {
  const content = textOf(message, at);
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content };
    case "user":
      return { role: "user", content };
    case "assistant": {
      const calls = callsOf(message, at);
      return { role: "assistant", content, ...(calls.length === 0 ? {} : { calls }) };
    }
    case "tool":
      return { role: "tool", call_id: message.tool_call_id ?? "", content };
  }
}

/** Each result answers a call of the message before it, and each call has one. */
function checkCalls(messages: readonly RequestMessage[]): void {
  let open = new Set<string>();
  messages.forEach((message, at) => {
    if (message.role === "tool") {
      if (!open.delete(message.tool_call_id ?? ""))
        throw paramError(`messages[${at}].tool_call_id`, "There is no open call of this id in the message before it.");
      return;
    }
    checkAnswered(open, at);
    open = new Set(message.role === "assistant" ? (message.tool_calls ?? []).map(({ id }) => id) : []);
  });
  checkAnswered(open, messages.length);
}

function checkAnswered(open: ReadonlySet<string>, at: number): void {
  const [id] = open;
  if (id === undefined) return;
  throw paramError(`messages[${at - 1}]`, `The call ${id} has no result: a message of the role \`tool\`.`);
}

/** What is kept of a request that brings its whole conversation, to tell it by: the model gets all of it. */
const keptBytes = 8 * 1024;

export function questionOf(messages: readonly RequestMessage[]): string {
  const texts = messages.map((message, at) => ({ role: message.role, text: textOf(message, at) }));
  const said = texts.filter(({ text }) => text.trim() !== "");
  const newest = said.findLast(({ role }) => role === "user") ?? said.at(-1);
  if (newest === undefined) throw paramError("messages", "There is no text in the messages.");
  const kept = cutJsonText(newest.text, keptBytes);
  return kept === newest.text ? kept : `${kept}…`;
}

/** What is new to a conversation that is kept here: the last message of the user, and results of tools that the answer before has asked for. */
export function newestQuestion(messages: readonly RequestMessage[]): string {
  const start = messages.findLastIndex(({ role }) => role === "assistant") + 1;
  const asked = start === 0 ? [] : callsOf(messages[start - 1] ?? { role: "assistant" }, start - 1);
  const names = new Map(asked.map(({ call_id, tool_name }) => [call_id, tool_name]));
  const fresh = messages.slice(start).map((message, index) => ({ message, text: textOf(message, start + index) }));
  const results = fresh
    .filter(({ message }) => message.role === "tool")
    .map(({ message, text }) => resultText(names.get(message.tool_call_id ?? "") ?? "tool", text));
  const question = fresh.findLast(({ message }) => message.role === "user");
  const parts = [...results, ...(question === undefined ? [] : [question.text])];
  if (parts.length > 0) return parts.join("\n\n");
  throw paramError("messages", "The last message must be of the role `user` or `tool`.");
}

/** Marked as data, as results of the agent's own tools are: it cannot end itself. */
function resultText(tool: string, result: string): string {
  const name = tool.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  return `<tool_result tool="${name}">\n${result.replaceAll(/<(?=\/?tool_result)/gi, "&lt;")}\n</tool_result>`;
}
