import { cutJsonText, jsonBytes, limits, toChatError, type ClientCall, type GivenMessage } from "@parley/protocol";
import { z } from "zod";
import { addressOfFile, fileOfBase64, fileOfUrl, type GivenFile } from "../given-file.ts";
import { bounded, excessOf, parseItems } from "../openai/bounded.ts";
import { paramError } from "../openai/error.ts";

/** The messages of a request: as the whole conversation, or what is new in them. */

const ContentPart = z.object({
  type: z.string().max(64),
  text: z.string().optional(),
  refusal: z.string().optional(),
  image_url: z.object({ url: z.string() }).optional(),
  file: z
    .object({
      file_data: z.string().nullish(),
      file_id: z.string().max(256).nullish(),
      filename: z.string().max(1_024).nullish(),
    })
    .optional(),
  input_audio: z.object({ data: z.string(), format: z.string().max(32).optional() }).optional(),
});
const mostParts = 256;

const RequestCall = z.object({
  id: z.string().min(1).max(256),
  type: z.string().max(64).optional(),
  function: z.object({ name: z.string().min(1).max(128), arguments: z.string() }).optional(),
});
const calls = bounded(z.array(RequestCall), { maxItems: 128 }).nullish();

const RequestMessage = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: bounded(z.union([z.string(), z.array(ContentPart)]), { maxItems: mostParts }).nullish(),
  tool_calls: calls,
  tool_call_id: z.string().max(256).nullish(),
});
export type RequestMessage = z.infer<typeof RequestMessage>;

const list = "messages";
/** As they are sent, with all that is not read of them: no more is looked at. */
const sentBytes = 2 * limits.givenMessagesBytes;

/** All of a conversation. Throws for the first that is wrong, and before anything is built where they are more than may be handed on. */
export function wholeConversation(messages: readonly unknown[]): RequestMessage[] {
  if (messages.length > limits.givenMessages) {
    throw paramError(list, `A request may have ${limits.givenMessages} messages; name a conversation instead.`);
  }
  checkSize(messages);
  return parseItems(RequestMessage, messages, { list });
}

/** Files are stored and not handed on: what they take is bounded by the request's own size. */
function checkSize(messages: readonly unknown[]): void {
  const excess = excessOf(messages, { maxBytes: sentBytes, isFree: isFile });
  if (excess !== undefined) throw paramError(list, `The request is not valid: what counts of the messages ${excess}.`);
}

const OneOfAssistant = z.object({ role: z.literal("assistant") });
const AskingMessage = z.object({ tool_calls: calls });

interface NewMessages {
  /** What stands behind the last answer. */
  readonly fresh: readonly RequestMessage[];
  readonly start: number;
  /** Names of the tools that the answer has asked for, by the calls' ids. */
  readonly tools: ReadonlyMap<string, string>;
}

/** What is new to a conversation that is kept here; what stands before the last answer is not read. */
function newMessages(messages: readonly unknown[]): NewMessages {
  const start = messages.findLastIndex((message) => OneOfAssistant.safeParse(message).success) + 1;
  const sent = messages.slice(start);
  checkSize(sent);
  const [answer] = parseItems(AskingMessage, messages.slice(Math.max(0, start - 1), start), { list, start: start - 1 });
  const asked = callsOf(answer ?? {}, start - 1);
  return {
    fresh: parseItems(RequestMessage, sent, { list, start }),
    start,
    tools: new Map(asked.map(({ call_id, tool_name }) => [call_id, tool_name])),
  };
}

/** Without files: see `newestFiles`. */
function textOf({ role, content }: RequestMessage, at: number): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content
    .map((part, index) => ({ part, param: `messages[${at}].content[${index}]` }))
    .filter(({ part }) => role !== "user" || !isFilePart(part))
    .map(({ part, param }) => partText(part, param))
    .join("\n");
}

type ContentPart = z.infer<typeof ContentPart>;

function isFile(part: object): boolean {
  return "type" in part && typeof part.type === "string" && isFilePart({ type: part.type });
}

function isFilePart({ type }: { readonly type: string }): boolean {
  return type === "image_url" || type === "file" || type === "input_audio";
}

/** The files of the newest message of a user. They are stored with it; of earlier ones the model is told that they were there. */
export function newestFiles(messages: readonly RequestMessage[], start = 0): GivenFile[] {
  const newest = messages.findLastIndex(({ role }) => role === "user");
  const content = messages[newest]?.content;
  if (content === undefined || content === null || typeof content === "string") return [];
  const files = content.flatMap((part, index) =>
    isFilePart(part) ? [givenFile(part, `messages[${start + newest}].content[${index}]`)] : [],
  );
  if (files.length <= limits.filesPerMessage) return files;
  throw paramError(list, `A message brings ${limits.filesPerMessage} files at most.`);
}

function givenFile(part: ContentPart, param: string): GivenFile {
  try {
    return fileOfPart(part);
  } catch (error) {
    const { code, message } = toChatError(error);
    throw paramError(param, message, code === "UNSUPPORTED" ? code : "INVALID_FRAME");
  }
}

function fileOfPart({ image_url: image, file = {}, input_audio: audio }: ContentPart): GivenFile {
  if (image !== undefined) return fileOfUrl(image.url);
  if (audio !== undefined) return fileOfBase64(audio.data, { mediaType: `audio/${audio.format ?? "wav"}` });
  const { file_id: id, file_data, filename: name } = file;
  if (typeof id === "string") return fileOfUrl(addressOfFile(id));
  const data = file_data ?? "";
  return data.startsWith("data:") ? fileOfUrl(data, { name }) : fileOfBase64(data, { name });
}

function partText({ type, text, refusal }: z.infer<typeof ContentPart>, param: string): string {
  if (type === "text" && text !== undefined) return text;
  if (type === "refusal" && refusal !== undefined) return refusal;
  throw paramError(param, `Content of the type "${type}" is not supported here: only text and files.`, "UNSUPPORTED");
}

function callsOf({ tool_calls: asked }: Pick<RequestMessage, "tool_calls">, at: number): ClientCall[] {
  return (asked ?? []).map(({ id, function: called }, index) => {
    if (called === undefined)
      throw paramError(`messages[${at}].tool_calls[${index}]`, "Only calls of functions are supported.", "UNSUPPORTED");
    return { call_id: id, tool_name: called.name, arguments: called.arguments };
  });
}

/** Throws where a provider would refuse it, or where it is larger than may be handed on. */
export function givenMessagesOf(messages: readonly RequestMessage[]): GivenMessage[] {
  checkCalls(messages);
  const newest = messages.findLastIndex(({ role }) => role === "user");
  const given = messages.map((message, at) => withNote(givenMessage(message, at), message, at < newest));
  if (jsonBytes(given) > limits.givenMessagesBytes) {
    const most = `${limits.givenMessagesBytes / 1024} KB`;
    throw paramError(list, `The messages are together larger than ${most}; name a conversation instead.`);
  }
  return given;
}

function withNote(given: GivenMessage, { content }: RequestMessage, isEarlier: boolean): GivenMessage {
  if (!isEarlier || given.role !== "user" || !Array.isArray(content) || !content.some(isFilePart)) return given;
  return { ...given, content: [given.content, "[Files were attached here.]"].filter((text) => text !== "").join("\n") };
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
      const asked = callsOf(message, at);
      return { role: "assistant", content, ...(asked.length === 0 ? {} : { calls: asked }) };
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
  if (newest === undefined && newestFiles(messages).length > 0) return "";
  if (newest === undefined) throw paramError("messages", "There is no text in the messages.");
  const kept = cutJsonText(newest.text, keptBytes);
  return kept === newest.text ? kept : `${kept}…`;
}

interface Question {
  readonly message: string;
  readonly files: readonly GivenFile[];
}

/** What is new to a conversation that is kept here: the last message of the user, and results of tools that the answer before has asked for. */
export function newestQuestion(messages: readonly unknown[]): Question {
  const { fresh: sent, start, tools } = newMessages(messages);
  const fresh = sent.map((message, index) => ({ message, text: textOf(message, start + index) }));
  const results = fresh
    .filter(({ message }) => message.role === "tool")
    .map(({ message, text }) => resultText(tools.get(message.tool_call_id ?? "") ?? "tool", text));
  const question = fresh.findLast(({ message }) => message.role === "user");
  const parts = [...results, ...(question === undefined ? [] : [question.text])];
  if (parts.length > 0) return { message: parts.join("\n\n"), files: newestFiles(sent, start) };
  throw paramError("messages", "The last message must be of the role `user` or `tool`.");
}

/** Marked as data, as results of the agent's own tools are: it cannot end itself. */
function resultText(tool: string, result: string): string {
  const name = tool.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  return `<tool_result tool="${name}">\n${result.replaceAll(/<(?=\/?tool_result)/gi, "&lt;")}\n</tool_result>`;
}
