import type { Abilities } from "./model-rules.ts";
import type { RequestBody } from "./request-body.ts";

/** What a refusal says about tools, their calls and their results. */

export interface Sent {
  readonly body: RequestBody;
  readonly abilities: Abilities;
  readonly words: string;
}

/** Undefined: the refusal is about something else. */
export type Reading = (sent: Sent) => Partial<Abilities> | undefined;
type Readings = { readonly [Ability in keyof Abilities]?: Reading };

function readTools({ body, abilities, words }: Sent): Partial<Abilities> | undefined {
  if (body.tools === undefined) return undefined;
  const taken = rolesTakenIn(words);
  // Of the roles that are not taken, the one of the system was the likelier.
  if (taken !== undefined && !/tool/i.test(taken) && hasCalls(body))
    return { tools: false, ...(abilities.system_role === "user" && { system_role: "user" }) };
  return isAboutTools(words) ? { tools: false } : undefined;
}

/** Bedrock and who stands before it: what is asked without tools must not speak of any. Whether the model takes tools is another matter. */
function readCallsWithoutTools({ body, words }: Sent): Partial<Abilities> | undefined {
  if (body.tools !== undefined || !hasCalls(body)) return undefined;
  const taken = rolesTakenIn(words);
  const isAboutCalls = isAboutTools(words) || missingTools.test(words) || (taken !== undefined && !/tool/i.test(taken));
  return isAboutCalls ? { calls_without_tools: false } : undefined;
}

const missingTools =
  /(?:toolConfig|\btools\b)[^.]{0,40}(?:must be|is required|are required|to be|defined|specified|passed|missing)|(?:must|have to|without|expects?|pass|define)[^.]{0,40}(?:toolConfig|\btools\b)/i;

/** Gemini's proto, llama.cpp's grammar, Moonshot's, Groq's, Anthropic's, OpenAI's and Cerebras' validators. */
const schemaWords =
  /function_declarations\[\d+\]\.parameters|\b(?:json|tool|input)[_ ]?schema|schema for (?:function|tool)|parse grammar|unrecogni[sz]ed schema|invalid_function_parameters|function\.parameters\b/i;

function readSchemas({ body, abilities, words }: Sent): Partial<Abilities> | undefined {
  if (body.tools === undefined || abilities.tool_schemas === "plain" || !schemaWords.test(words)) return undefined;
  // Of what the model wrote.
  return /did not match|tool_use_failed|validation failed/i.test(words) ? undefined : { tool_schemas: "plain" };
}

const missingName =
  /function_response\.name|messages?[\W\d]{1,12}name\b[^.]{0,30}(?:required|missing|empty)|\btool\b[^.]{0,40}\bname\b[^.]{0,20}(?:required|missing|empty)/i;

/** The more exact ones, and those that are asked last: words about the id of a call also speak of tools. */
export const toolReadings = {
  exact: {
    result_names: ({ body, abilities, words }) =>
      hasCalls(body) && !abilities.result_names && missingName.test(words) ? { result_names: true } : undefined,
    call_ids: ({ body, abilities, words }) =>
      hasCalls(body) && abilities.call_ids === "any" && isAboutCallIds(words)
        ? { call_ids: "alphanumeric9" }
        : undefined,
    calls_per_message: ({ body, words }) =>
      hasCalls(body) &&
      /single tool[- ]calls? at once|only (?:one|a single|single) (?:tool|function)[- ]calls?|multiple tool[- ]calls? (?:is|are) not/i.test(
        words,
      )
        ? { calls_per_message: "one" }
        : undefined,
    tool_schemas: readSchemas,
  },
  general: { calls_without_tools: readCallsWithoutTools, tools: readTools },
} satisfies Readonly<Record<string, Readings>>;

/** "Only user and assistant roles are supported!", "role: Input should be 'user' or 'assistant'" */
export function rolesTakenIn(words: string): string | undefined {
  const said =
    /\bonly\b([^.]{0,80}?)\b(?:are|is) (?:supported|allowed|accepted|permitted)/i.exec(words) ??
    /\broles?\b[^.]{0,40}?(?:should be|must be|not one of|:)([^.:]{0,80})/i.exec(words);
  const [, roles = ""] = said ?? [];
  return /\buser\b/i.test(roles) && /\b(?:assistant|model)\b/i.test(roles) ? roles : undefined;
}

function isAboutCallIds(words: string): boolean {
  const isNamed =
    /tool[_ ]?call[_ ]?ids?\b|tool[_ ]?use[._]?ids?\b|tool_calls?\b.{0,12}\bid\b|\bcall_id\b|function call id/i.test(
      words,
    );
  return (
    isNamed &&
    /length|alphanumeric|a-z|pattern|format|too long|maximum|invalid|characters|must (?:be|match)/i.test(words) &&
    !/respon|preced|follow|not found/i.test(words)
  );
}

const toolWords = String.raw`(?:\btools?\b|tool[_ -]?(?:use|calls?|calling|choice)|\bfunctions\b|function[_ -]?call(?:s|ing)?)`;
const refusalOfTools = [
  String.raw`${toolWords}[^.]{0,60}(?:not (?:currently )?(?:be )?(?:supported|enabled|available|implemented|permitted|allowed|recogni[sz]ed)|unsupported|extra inputs|requires? (?:the )?-)`,
  String.raw`(?:not|cannot|n't|endpoints found that|without) (?:currently )?support(?:ing)?\b[^.]{0,60}${toolWords}`,
  String.raw`stream(?:ing)?\b[^.]{0,30}not supported\b[^.]{0,30}${toolWords}`,
  String.raw`(?:not|n't) have\b[^.]{0,30}${toolWords} (?:capabilit|support)`,
  String.raw`(?:unrecogni[sz]ed|unknown|unexpected|unsupported|extra)\b[^.]{0,60}(?:\b(?:tools|functions|tool_choice)\b|role\W{1,4}tool)`,
  String.raw`\bno ${toolWords} support`,
  // What the server has to be started with.
  String.raw`--(?:tool-call-parser|enable-auto-tool-choice|jinja)\b`,
  String.raw`不支持[^。]{0,20}(?:工具|函数)`,
].map((pattern) => new RegExp(pattern, "i"));

/** About having tools at all, not about one of them or of their calls. */
function isAboutTools(words: string): boolean {
  if (/(?:tools|tool_calls)\[\d|parallel[_ ]tool|\bparameters\b(?!: ?\[)|json schema/i.test(words)) return false;
  return refusalOfTools.some((pattern) => pattern.test(words));
}

export function hasCalls({ messages }: RequestBody): boolean {
  return messages.some(({ role }) => role === "tool");
}
