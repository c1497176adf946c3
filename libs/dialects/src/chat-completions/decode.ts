import { jsonBytes, limits, type GivenChoice, type GivenContext, type GivenTool } from "@parley/protocol";
import { z } from "zod";
import { bounded } from "../openai/bounded.ts";
import { paramError } from "../openai/error.ts";
import type { GivenFile } from "../given-file.ts";
import { givenMessagesOf, newestFiles, newestQuestion, questionOf, wholeConversation } from "./content.ts";

/** What clients of `POST /v1/chat/completions` send, and what of it Parley can do (OpenAI's reference, "Create chat completion"). */

/** Arguments and schemas of tools, and what they stand in. JSON can be parsed at depths at which it cannot be written again. */
const maxLevels = limits.toolArgumentsDepth + 7;

const ToolName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const RequestTool = z.object({
  type: z.string().max(64),
  function: z
    .object({
      name: ToolName,
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
    })
    .optional(),
});

const RequestChoice = z.union([
  z.enum(["auto", "none", "required"]),
  z.object({ type: z.literal("function"), function: z.object({ name: ToolName }) }),
]);

const tokens = z.number().int().positive().max(1_000_000).nullish();
const flag = z.boolean().nullish();

/** Handed to the model's provider as they are. */
const options = {
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  seed: z.number().int().nullish(),
  stop: bounded(z.union([z.string().max(1_024), z.array(z.string().max(1_024))]), { maxItems: 16 }).nullish(),
  reasoning_effort: z.string().max(32).nullish(),
  response_format: bounded(z.looseObject({ type: z.string().max(64) }), {
    maxBytes: limits.givenToolsBytes / 2,
    maxLevels,
  }).nullish(),
  parallel_tool_calls: flag,
};

/** What is refused when it asks for something; absent, null and what asks for nothing is not. */
const refused = {
  n: z.number().nullish(),
  logprobs: flag,
  top_logprobs: z.number().nullish(),
  logit_bias: z.unknown().optional(),
  audio: z.unknown().optional(),
  modalities: bounded(z.array(z.string()), { maxItems: 16 }).nullish(),
  web_search_options: z.unknown().optional(),
  functions: z.unknown().optional(),
  function_call: z.unknown().optional(),
};

const mostMessages = 4_096;

/** More is ignored. */
export const CompletionRequest = z.object({
  model: z.string().min(1).max(128).describe("An agent by its name, or `parley`: whichever fits the message."),
  messages: bounded(z.array(z.unknown()).min(1), { maxItems: mostMessages }).describe(
    "All of a conversation; of one that is named the last ones count.",
  ),
  stream: flag,
  stream_options: z.object({ include_usage: flag }).nullish(),
  include_reasoning: flag.describe("Also what the model thinks before it answers, as `reasoning_content`."),
  tools: bounded(z.array(RequestTool), {
    maxItems: limits.givenTools,
    maxBytes: limits.givenToolsBytes,
    maxLevels,
  }).nullish(),
  tool_choice: RequestChoice.nullish(),
  max_tokens: tokens,
  max_completion_tokens: tokens,
  metadata: z.object({ conversation_id: z.string().max(256).nullish() }).nullish(),
  user: z.string().max(256).nullish(),
  ...options,
  ...refused,
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** What is asked, in Parley's own words. */
export interface AskedCompletion {
  /** Text of the message as it is kept. */
  readonly message: string;
  /** Those of the newest message. */
  readonly files: readonly GivenFile[];
  readonly given: GivenContext | undefined;
  readonly isStream: boolean;
  readonly hasUsage: boolean;
  readonly hasReasoning: boolean;
}

export interface DecodeHow {
  /** Its messages are the whole conversation; else only what is new in them counts. */
  readonly isStateless: boolean;
  /** A program asks for a word about a conversation: nothing is to be done for that. */
  readonly isTask: boolean;
}

/** Throws ChatError with the `param` that is at fault. */
export function decodeCompletion(body: CompletionRequest, { isStateless, isTask }: DecodeHow): AskedCompletion {
  refuseUnsupported(body);
  const whole = isStateless ? wholeConversation(body.messages) : undefined;
  const given: GivenContext = {
    ...(whole === undefined ? {} : { messages: givenMessagesOf(whole) }),
    ...(isTask ? { tool_choice: "none" } : toolsOf(body)),
    ...settingsOf(body),
  };
  return {
    ...(whole === undefined
      ? newestQuestion(body.messages)
      : { message: questionOf(whole), files: newestFiles(whole) }),
    given: Object.keys(given).length === 0 ? undefined : given,
    isStream: body.stream === true,
    hasUsage: body.stream_options?.include_usage === true,
    hasReasoning: body.include_reasoning === true,
  };
}

const asksNothing: Readonly<Record<keyof typeof refused, (value: unknown) => boolean>> = {
  n: (n) => n === 1,
  logprobs: (wanted) => wanted === false,
  top_logprobs: (count) => count === 0,
  logit_bias: (bias) => typeof bias === "object" && bias !== null && Object.keys(bias).length === 0,
  audio: () => false,
  modalities: (kinds) => Array.isArray(kinds) && kinds.every((kind) => kind === "text"),
  web_search_options: () => false,
  functions: (list) => Array.isArray(list) && list.length === 0,
  function_call: (wanted) => wanted === "none" || wanted === "auto",
};

function refuseUnsupported(body: CompletionRequest): void {
  for (const [name, isNothing] of Object.entries(asksNothing)) {
    const value: unknown = Object.entries(body).find(([key]) => key === name)?.[1];
    if (value === undefined || value === null || isNothing(value)) continue;
    throw paramError(name, `\`${name}\` is not supported here.`, "UNSUPPORTED");
  }
}

function toolsOf({ tools, tool_choice: choice }: CompletionRequest): Pick<GivenContext, "tools" | "tool_choice"> {
  const given = (tools ?? []).map(givenTool);
  const wanted = choiceOf(choice ?? "auto");
  checkTools(given, wanted);
  return { ...(given.length === 0 ? {} : { tools: given }), ...(wanted === "auto" ? {} : { tool_choice: wanted }) };
}

function checkTools(given: readonly GivenTool[], wanted: GivenChoice): void {
  if (typeof wanted === "object" && !given.some(({ name }) => name === wanted.name)) {
    throw paramError("tool_choice", `There is no tool "${wanted.name}" in \`tools\`.`);
  }
  if (wanted === "required" && given.length === 0) {
    throw paramError("tool_choice", "`tool_choice` can be `required` only beside `tools`.");
  }
  if (jsonBytes([...given]) > limits.givenToolsBytes / 2) throw tooMuch("tools", limits.givenToolsBytes / 2);
}

function givenTool({ type, function: tool }: z.infer<typeof RequestTool>, index: number): GivenTool {
  if (type !== "function" || tool === undefined) {
    throw paramError(`tools[${index}].type`, `Tools of the type "${type}" are not supported here.`, "UNSUPPORTED");
  }
  const { name, description, parameters } = tool;
  return {
    name,
    ...(description === null || description === undefined ? {} : { description }),
    parameters: parameters ?? { type: "object", properties: {} },
  };
}

function choiceOf(choice: z.infer<typeof RequestChoice>): GivenChoice {
  return typeof choice === "string" ? choice : { name: choice.function.name };
}

function settingsOf(body: CompletionRequest): Pick<GivenContext, "max_tokens" | "options"> {
  const most = body.max_completion_tokens ?? body.max_tokens ?? undefined;
  const given = Object.entries(body).filter(
    ([name, value]) => name in options && value !== undefined && value !== null && !isPlainText(name, value),
  );
  const settings = Object.fromEntries(given);
  if (jsonBytes(settings) > limits.givenToolsBytes / 2) throw tooMuch("response_format", limits.givenToolsBytes / 2);
  return {
    ...(most === undefined ? {} : { max_tokens: most }),
    ...(given.length === 0 ? {} : { options: settings }),
  };
}

/** What every model does anyway. */
function isPlainText(name: string, value: unknown): boolean {
  return name === "response_format" && typeof value === "object" && value !== null && "type" in value
    ? value.type === "text"
    : false;
}

function tooMuch(param: string, maxBytes: number) {
  return paramError(param, `\`${param}\` is larger than ${maxBytes / 1024} KB.`);
}
