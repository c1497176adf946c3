import type OpenAI from "openai";
import { callIdFor } from "./call-ids.ts";
import type { Fields } from "./fields.ts";
import { withImages } from "./images.ts";
import { reasoningFields, taggedReasoning } from "./message-fields.ts";
import { plainTool } from "./plain-schema.ts";
import type { Abilities } from "./model-rules.ts";
import type { ModelMessage, ModelRequest } from "./model.ts";
import type { Provider } from "./provider.ts";

export type RequestBody = Omit<OpenAI.ChatCompletionCreateParamsStreaming, "stream"> & { readonly stream?: true };

export interface BodyContext {
  readonly model: string;
  readonly provider: Pick<Provider, "name">;
  readonly abilities: Abilities;
}

/** The body of a chat completion, in the form that the model takes. Pure. */
export function buildBody(request: ModelRequest, { model, provider, abilities }: BodyContext): RequestBody {
  const { tools, maxOutputTokens } = request;
  const { parallel_tool_calls: isParallel, ...options } = request.options ?? {};
  const hasTools = tools.length > 0 && abilities.tools;
  return {
    ...options,
    model,
    messages: [...withImages(messagesFor(request, abilities), request.images, abilities.images)],
    ...(abilities.stream && { stream: true }),
    ...(hasTools && { tools: abilities.tool_schemas === "plain" ? tools.map(plainTool) : tools }),
    ...(maxOutputTokens !== undefined && { [abilities.output_limit_field]: maxOutputTokens }),
    ...(abilities.stream && abilities.stream_options && { stream_options: streamOptionsOf(provider) }),
    ...(hasTools && choiceOf(request)),
    // OpenAI refuses the field when there are no tools.
    ...(hasTools && abilities.parallel_tool_calls && { parallel_tool_calls: isParallel !== false }),
  };
}

function choiceOf({ toolChoice: choice }: ModelRequest): Pick<RequestBody, "tool_choice"> {
  if (choice === undefined || choice === "required") return choice === undefined ? {} : { tool_choice: choice };
  return { tool_choice: { type: "function", function: { name: choice.name } } };
}

/** OpenAI pads chunks against observers of their length unless told otherwise; others may not know that field. */
function streamOptionsOf(provider: Pick<Provider, "name">): OpenAI.ChatCompletionStreamOptions {
  return provider.name === "openai" ? { include_usage: true, include_obfuscation: false } : { include_usage: true };
}

/** Said when the request has tools and the model takes none. */
const noToolsNote =
  "You have no tools here, because this model cannot use any. " +
  "If the question needs one, say that it cannot be used with this model, and never guess what it would have returned.";

function messagesFor({ messages, tools }: ModelRequest, abilities: Abilities): ModelMessage[] {
  const isMissingTools = tools.length > 0 && !abilities.tools;
  const showsCalls = abilities.tools && (tools.length > 0 || abilities.calls_without_tools);
  const told = isMissingTools ? withNote(messages, noToolsNote) : messages;
  const names = abilities.result_names ? namesOfCalls(messages) : undefined;
  const shaped = (showsCalls ? told : told.map(asText)).map((message) => shapeMessage(message, abilities, names));
  const single = abilities.calls_per_message === "one" ? oneCallEach(shaped, abilities) : shaped;
  const addressed = addressSystem(single, abilities.system_role);
  return abilities.alternating_roles || !showsCalls ? joinNeighbours(addressed) : addressed;
}

/** Of the tools, by the ids of their calls. */
function namesOfCalls(messages: readonly ModelMessage[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []));
  return new Map(calls.flatMap((call) => (call.type === "function" ? [[call.id, call.function.name]] : [])));
}

function withNote(messages: readonly ModelMessage[], note: string): ModelMessage[] {
  const [first, ...others] = messages;
  if (first?.role !== "system") return [{ role: "system", content: note }, ...messages];
  return [{ ...first, content: `${note}\n\n${textIn(first)}` }, ...others];
}

/** Our messages have text only; images are marks in it. */
function textIn({ content }: ModelMessage): string {
  return typeof content === "string" ? content : "";
}

function shapeMessage(
  message: ModelMessage,
  abilities: Abilities,
  names: ReadonlyMap<string, string> | undefined,
): ModelMessage {
  if (message.role === "tool") {
    const name = names?.get(message.tool_call_id);
    const named = name === undefined ? {} : { name };
    return { ...message, ...named, tool_call_id: callIdFor(message.tool_call_id, abilities.call_ids) };
  }
  if (message.role !== "assistant" || message.tool_calls === undefined) return message;
  const { role, content: _content, tool_calls: calls, ...extra } = message;
  const text = textWithReasoning(message, extra, abilities);
  return {
    ...messageFields(extra, abilities),
    role,
    content: text === "" && abilities.null_content ? null : text || noText(abilities),
    tool_calls: calls.map((call) => shapeCall(call, abilities)),
  };
}

/** Bedrock takes neither an empty text nor a blank one. */
function noText({ empty_content: takesEmpty }: Abilities): string {
  return takesEmpty ? "" : ".";
}

/** Reasoning that came between tags goes back between tags. */
function textWithReasoning(message: ModelMessage, extra: Fields, { reasoning_back: back }: Abilities): string {
  const { [taggedReasoning]: tagged } = extra;
  const text = textIn(message);
  return back === "never" || typeof tagged !== "string" ? text : `<think>${tagged}</think>\n\n${text}`;
}

/** Empty is missing for some. */
const blankReasoning = " ";

function messageFields(extra: Fields, { reasoning_back: back, call_fields: takesFields }: Abilities): Fields {
  const kept = Object.entries(extra).filter(([name]) => {
    if (name === taggedReasoning) return false;
    return reasoningFields.has(name) ? back !== "never" : takesFields;
  });
  const fields = Object.fromEntries(kept);
  const lacksReasoning = back === "always" && !Object.keys(extra).some((name) => reasoningFields.has(name));
  return lacksReasoning ? { ...fields, reasoning_content: blankReasoning } : fields;
}

type Call = OpenAI.ChatCompletionMessageToolCall;

function shapeCall(call: Call, { call_ids: form, call_fields: takesFields }: Abilities): Call {
  if (call.type !== "function") return call;
  const id = callIdFor(call.id, form);
  if (takesFields) return { ...call, id };
  const { name, arguments: args } = call.function;
  return { id, type: "function", function: { name, arguments: args } };
}

/** For models without tools: what was called and what came of it, in words. */
function asText(message: ModelMessage): ModelMessage {
  if (message.role === "tool") return { role: "user", content: textIn(message) };
  if (message.role !== "assistant" || message.tool_calls === undefined) return message;
  const calls = message.tool_calls.flatMap((call) =>
    call.type === "function" ? [`[Called the tool ${call.function.name} with ${call.function.arguments}]`] : [],
  );
  return { role: "assistant", content: [textIn(message), ...calls].filter((text) => text !== "").join("\n\n") };
}

/** Each call in a message of its own, followed by its result. */
function oneCallEach(messages: readonly ModelMessage[], abilities: Abilities): ModelMessage[] {
  return messages.flatMap((message, at): ModelMessage[] => {
    if (message.role === "tool") return [];
    if (message.role !== "assistant" || message.tool_calls === undefined) return [message];
    const after = messages.slice(at + 1);
    const end = after.findIndex(({ role }) => role !== "tool");
    const results = end < 0 ? after : after.slice(0, end);
    return message.tool_calls.flatMap((call, index): ModelMessage[] => [
      { ...message, ...(index > 0 && { content: noText(abilities) }), tool_calls: [call] },
      ...results.filter((result) => result.role === "tool" && result.tool_call_id === call.id),
    ]);
  });
}

function addressSystem(messages: readonly ModelMessage[], role: Abilities["system_role"]): ModelMessage[] {
  if (role === "system") return [...messages];
  const told = messages.map((message): ModelMessage =>
    message.role === "system" ? { role, content: textIn(message) } : message,
  );
  const [first, second, ...others] = told;
  if (role !== "user" || first?.role !== "user" || second?.role !== "user") return told;
  return [{ role, content: `${textIn(first)}\n\n${textIn(second)}` }, ...others];
}

function joinNeighbours(messages: readonly ModelMessage[]): ModelMessage[] {
  const joined: ModelMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const isPlain = message.role === "user" || (message.role === "assistant" && message.tool_calls === undefined);
    if (isPlain && last?.role === message.role && !("tool_calls" in last))
      joined[joined.length - 1] = { role: message.role, content: `${textIn(last)}\n\n${textIn(message)}` };
    else joined.push(message);
  }
  return joined;
}
