import { ChatError, limits, type ClientCall, type GivenContext } from "@parley/protocol";
import { z } from "zod";
import { CompletionRequest, decodeCompletion } from "../chat-completions/decode.ts";
import type { GivenFile } from "../given-file.ts";
import { bounded } from "../openai/bounded.ts";
import { paramError, ParamFault } from "../openai/error.ts";
import { placeOfResponse, type ResponsePlace } from "./addresses.ts";
import {
  checkResults,
  checkSize,
  decisionsIn,
  Input,
  keptCallIn,
  messagesOf,
  newestResponseIn,
  newMessagesOf,
  readInput,
  type Decision,
  type ReadInput,
} from "./input.ts";
import { routedModel } from "./objects.ts";

/** What clients of `POST /v1/responses` send, and what of it Parley can do (OpenAI's reference, "Create a model response"; Open Responses). */

const { temperature, top_p, presence_penalty, frequency_penalty, parallel_tool_calls } = CompletionRequest.shape;
const flag = z.boolean().nullish();

/** Arguments and schemas of tools, and what they stand in. JSON can be parsed at depths at which it cannot be written again. */
const maxLevels = limits.toolArgumentsDepth + 7;

const Tool = z.object({
  type: z.string().max(64),
  name: z.string().max(64).optional(),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
});

const Choice = z.union([
  z.enum(["auto", "none", "required"]),
  z.object({ type: z.string().max(64), name: z.string().max(64).optional() }),
]);

const Metadata = bounded(
  z
    .record(z.string().max(64), z.string().max(512))
    .refine((entries) => Object.keys(entries).length <= 16, "may have 16 entries"),
  { maxBytes: 16 * 1024 },
);

const Format = bounded(z.looseObject({ type: z.string().max(64) }), {
  maxBytes: limits.givenToolsBytes / 2,
  maxLevels,
});

/** More is ignored: see docs/openai-responses.md. */
export const ResponsesRequest = z.object({
  model: z.string().min(1).max(128).nullish().describe("An agent by its name. `parley`: whichever fits the message."),
  input: Input.nullish().describe("A text, or items. Of a conversation that is known here only what is new counts."),
  instructions: z.string().nullish(),
  previous_response_id: z.string().max(512).nullish(),
  conversation: z.union([z.string().min(1).max(256), z.object({ id: z.string().min(1).max(256) })]).nullish(),
  stream: flag,
  background: flag,
  store: flag,
  metadata: Metadata.nullish(),
  tools: bounded(z.array(Tool), {
    maxItems: limits.givenTools,
    maxBytes: limits.givenToolsBytes,
    maxLevels,
  }).nullish(),
  tool_choice: Choice.nullish(),
  max_output_tokens: z.number().int().positive().max(1_000_000).nullish(),
  text: z.object({ format: Format.nullish() }).nullish(),
  reasoning: z.object({ effort: z.string().max(32).nullish() }).nullish(),
  ...{ temperature, top_p, presence_penalty, frequency_penalty, parallel_tool_calls },
  prompt: z.unknown().optional(),
});
export type ResponsesRequest = z.infer<typeof ResponsesRequest>;

/** What is asked, in Parley's own words. */
export interface AskedResponse {
  readonly model: string;
  readonly isStream: boolean;
  readonly isBackground: boolean;
  /** `false`: it is to be gone with the socket. */
  readonly isStored: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** The response that the request goes on from: by its name, or by that of one of its items. */
  readonly previous: ResponsePlace | undefined;
  /** It was named as such; else it is only known by an item, which may be anybody's. */
  readonly isPreviousNamed: boolean;
  /** As the client calls it. */
  readonly conversation: string | undefined;
  /** What people have decided: there is no message then. */
  readonly decisions: readonly Decision[];
  /** The call of which a result comes without the call: one of an answer that is kept here. */
  readonly keptCall: string | undefined;
}

/** `canForget`: on a socket. Throws ChatError with the `param` that is at fault; NOT_FOUND for a name that cannot be one of ours. */
export function decodeResponse(body: ResponsesRequest, canForget = false): AskedResponse {
  if (body.store === false && !canForget) {
    const message =
      "Every response is kept here until its conversation is deleted: leave `store` out, or make it true.";
    throw paramError("store", message, "UNSUPPORTED");
  }
  const input = inputOf(body);
  const { model, stream, background, metadata, conversation, store } = body;
  return {
    model: model ?? routedModel,
    isStream: stream === true,
    isBackground: background === true,
    isStored: store !== false,
    metadata: metadata ?? {},
    ...previousIn(body, input),
    conversation: (typeof conversation === "string" ? conversation : conversation?.id) ?? undefined,
    decisions: decisionsIn(input),
    keptCall: keptCallIn(input),
  };
}

function previousIn(
  { previous_response_id: name, conversation }: ResponsesRequest,
  input: ReadInput,
): Pick<AskedResponse, "previous" | "isPreviousNamed"> {
  if (name === undefined || name === null) return { previous: newestResponseIn(input), isPreviousNamed: false };
  if (conversation !== undefined && conversation !== null) {
    throw paramError("conversation", "Name a conversation or a previous response, not both.");
  }
  const previous = placeOfResponse(name);
  if (previous === undefined) throw noSuchResponse("previous_response_id");
  return { previous, isPreviousNamed: true };
}

export function noSuchResponse(param: string): ChatError {
  return paramError(param, "There is no such response.", "NOT_FOUND");
}

/** Throws for what is asked beside it and cannot be. */
function inputOf({ input, prompt }: ResponsesRequest): ReadInput {
  if (prompt !== undefined && prompt !== null) {
    throw paramError("prompt", "There are no stored prompts here.", "UNSUPPORTED");
  }
  if (input === undefined || input === null) throw paramError("input", "There is nothing to answer: give `input`.");
  return readInput(input);
}

/** The message, and what comes with it. */
export interface AskedMessage {
  readonly message: string;
  readonly files: readonly GivenFile[];
  readonly given: GivenContext | undefined;
  /** Whether what the request says of how to answer is told to the model. */
  readonly instructions: string | undefined;
  readonly tools: readonly object[];
}

/** A conversation that is kept here, so that only what is new counts. */
export interface KeptBefore {
  /** Calls of the client's own tools that the answer before ended in, as far as results of them come without them. */
  readonly calls: readonly ClientCall[];
}

/** `kept`: undefined: the input is all of the conversation. Throws ChatError with the `param` that is at fault. */
export function messageIn(body: ResponsesRequest, kept: KeptBefore | undefined): AskedMessage {
  const isKept = kept !== undefined;
  const input = readInput(body.input ?? "");
  if (isKept) checkResults(input);
  checkSize(input, isKept);
  const instructions = isKept ? undefined : (body.instructions ?? undefined);
  const messages = isKept ? newMessagesOf(input, kept.calls) : messagesOf(input, instructions);
  // One message alone is a conversation that begins: the same whether it is kept or brought.
  const isStateless = !isKept && messages.length > 1;
  const tools = (body.tools ?? []).map(({ type, name, description, parameters }) =>
    type === "function" && name !== undefined ? { type, function: { name, description, parameters } } : { type },
  );
  const asked = named(() => {
    const request = CompletionRequest.parse({ ...settingsOf(body), model: routedModel, messages, tools });
    return decodeCompletion(request, { isStateless, isTask: false });
  });
  const { message, files, given } = asked;
  return { message, files, given, instructions, tools: (body.tools ?? []).map(toolObject) };
}

function settingsOf(body: ResponsesRequest): object {
  const {
    tool_choice: choice,
    max_output_tokens: max_completion_tokens,
    reasoning,
    parallel_tool_calls: parallel,
  } = body;
  const { temperature: heat, top_p: top, presence_penalty: presence, frequency_penalty: frequency } = body;
  return {
    tool_choice: typeof choice === "object" && choice !== null ? choiceOf(choice) : choice,
    max_completion_tokens,
    reasoning_effort: reasoning?.effort,
    parallel_tool_calls: parallel,
    ...{ temperature: heat, top_p: top, presence_penalty: presence, frequency_penalty: frequency },
    response_format: formatOf(body.text?.format ?? undefined),
  };
}

function choiceOf({ type, name }: Exclude<z.infer<typeof Choice>, string>): object {
  if (type === "function" && name !== undefined) return { type, function: { name } };
  throw paramError("tool_choice", `A choice of the type "${type}" is not supported here.`, "UNSUPPORTED");
}

/** Chat Completions have the schema one level deeper. */
function formatOf(
  format: { readonly type: string; readonly [field: string]: unknown } | undefined,
): object | undefined {
  if (format === undefined || format.type !== "json_schema") return format;
  const { type, ...schema } = format;
  return { type, json_schema: schema };
}

function toolObject({ type, name, description, parameters }: z.infer<typeof Tool>): object {
  return { type, name, description: description ?? null, parameters: parameters ?? null, strict: null };
}

const paramNames: readonly (readonly [RegExp, string])[] = [
  [/^messages.*/, "input"],
  [/^max_completion_tokens/, "max_output_tokens"],
  [/^response_format/, "text.format"],
  [/^reasoning_effort/, "reasoning.effort"],
  [/\.function/, ""],
];

/** What is at fault, as the client called it. */
function named<T>(decode: () => T): T {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof z.ZodError) {
      const param = paramOf((thrown.issues[0]?.path ?? []).join("."));
      throw paramError(param, `\`${param}\` is not valid.`);
    }
    if (!(thrown instanceof ChatError) || !(thrown.cause instanceof ParamFault)) throw thrown;
    const { code, message, cause } = thrown;
    throw new ChatError(code, { message, cause: new ParamFault(paramOf(cause.param)) });
  }
}

function paramOf(path: string): string {
  return paramNames.reduce((name, [pattern, other]) => name.replace(pattern, other), path);
}
