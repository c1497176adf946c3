import { z } from "zod";
import type { Provider } from "./provider.ts";

/** What a model and its server take. The names are those of `config/models.yaml`. */
export const Abilities = z.strictObject({
  /** Tools at all. Without, calls of earlier turns are shown as text. */
  tools: z.boolean(),
  /** What tools take, as it is written (JSON Schema), or with its plainest words only. */
  tool_schemas: z.enum(["full", "plain"]),
  /** Calls of earlier turns in a request without tools; else they are shown as text there. */
  calls_without_tools: z.boolean(),
  /** The name of the tool beside its result. */
  result_names: z.boolean(),
  /** `content: null` beside tool calls; else "". */
  null_content: z.boolean(),
  /** `content: ""`, too; else a full stop. */
  empty_content: z.boolean(),
  /** As whom the model is told what it is; `user`: before the first message. */
  system_role: z.enum(["system", "developer", "user"]),
  /** The field `parallel_tool_calls`. */
  parallel_tool_calls: z.boolean(),
  /** Several calls in one message, or each in a message of its own. */
  calls_per_message: z.enum(["many", "one"]),
  /** Answers as a stream; else each comes at once when it is whole, which may take as long as a first token. */
  stream: z.boolean(),
  /** The field `stream_options`. */
  stream_options: z.boolean(),
  /** `alphanumeric9`: ids of calls have exactly nine letters and digits. */
  call_ids: z.enum(["any", "alphanumeric9"]),
  /** Fields of a call that only the provider understands go back to it. */
  call_fields: z.boolean(),
  /** Whether reasoning goes back with the tool calls of the running turn; `always`: where there is none, a blank in its place. */
  reasoning_back: z.enum(["never", "kept", "always"]),
  /** `open`: answers begin within the reasoning, because the template has opened it; only its end is in the answer. */
  reasoning_start: z.enum(["tagged", "open"]),
  output_limit_field: z.enum(["max_tokens", "max_completion_tokens"]),
  /** No two messages of one role in a row. */
  alternating_roles: z.boolean(),
  /** Images, as parts of a user's message (`image_url` with the data). */
  images: z.boolean(),
});
export type Abilities = z.infer<typeof Abilities>;

/** What is known of some models. Rules are applied in their order: a later one wins. */
export const ModelRule = Abilities.partial().extend({
  /** Names of models; `*` stands for anything. */
  model: z.string().min(1).max(128).default("*"),
  /** Host of the server; `*` stands for anything. */
  server: z.string().min(1).max(253).default("*"),
});
export type ModelRule = z.infer<typeof ModelRule>;

const usual: Abilities = {
  tools: true,
  tool_schemas: "full",
  calls_without_tools: true,
  result_names: false,
  null_content: true,
  empty_content: true,
  system_role: "system",
  // Parallel calls are every server's default; some refuse the field.
  parallel_tool_calls: false,
  calls_per_message: "many",
  stream: true,
  stream_options: true,
  call_ids: "any",
  call_fields: true,
  reasoning_back: "never",
  reasoning_start: "tagged",
  // OpenAI's newer models refuse it; most other servers know nothing else.
  output_limit_field: "max_tokens",
  alternating_roles: false,
  // Asked with them once, a model that takes none says so.
  images: true,
};

const known = z.array(ModelRule).parse([
  { server: "api.openai.com", parallel_tool_calls: true, output_limit_field: "max_completion_tokens" },
  { server: "api.openai.com", model: "o1-mini*", system_role: "user", tools: false },
  { server: "api.openai.com", model: "o1-preview*", system_role: "user", tools: false },
  { server: "*.openai.azure.com", parallel_tool_calls: true },
  // Signatures and encrypted reasoning, which the model behind it may insist on.
  { server: "openrouter.ai", parallel_tool_calls: true, reasoning_back: "kept" },
  // "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9."
  { server: "api.mistral.ai", call_ids: "alphanumeric9" },
  ...["mistral", "mixtral", "ministral", "magistral", "codestral", "devstral", "pixtral"].map((name) => ({
    model: `*${name}*`,
    call_ids: "alphanumeric9",
  })),
  // "The reasoning_content in the thinking mode must be passed back", between the calls of one turn; a blank counts.
  { server: "api.deepseek.com", reasoning_back: "always" },
  { server: "api.moonshot.*", model: "*thinking*", reasoning_back: "always" },
  { server: "api.moonshot.*", model: "kimi-k2.*", reasoning_back: "always" },
  { model: "*minimax-m*", reasoning_back: "kept" },
]);

/** By the built-in rules, then by those given. */
function abilitiesOf(provider: Provider, model: string, rules: readonly ModelRule[]): Abilities {
  return Abilities.parse({ ...usual, ...saidOf(provider, model, [...known, ...rules]) });
}

/** What the rules say of a model, later ones before earlier ones. */
function saidOf(provider: Provider, model: string, rules: readonly ModelRule[]): Partial<Abilities> {
  const { hostname } = new URL(provider.baseURL);
  // The name says more than the address, which may be a proxy's.
  const base =
    provider.name === "openrouter" ? "openrouter.ai" : provider.name === "openai" ? "api.openai.com" : hostname;
  const fitting = rules.filter(
    (rule) => matches(rule.model, model) && (matches(rule.server, hostname) || matches(rule.server, base)),
  );
  const said: Partial<Abilities> = {};
  for (const { model: _model, server: _server, ...abilities } of fitting) Object.assign(said, abilities);
  return said;
}

interface RuledAbilities {
  readonly all: Abilities;
  /** What the given rules say. */
  readonly said: Partial<Abilities>;
}

/** Names of models come from requests: so many are remembered. */
const maxModels = 256;

/** As `abilitiesOf` and `saidOf`; each request asks several times, and rules do not change while the process runs. */
export function createRuleLookup(provider: Provider, rules: readonly ModelRule[]): (model: string) => RuledAbilities {
  const models = new Map<string, RuledAbilities>();
  return (model) => {
    const found = models.get(model);
    if (found !== undefined) return found;
    if (models.size >= maxModels) models.clear();
    const ruled = { all: abilitiesOf(provider, model, rules), said: saidOf(provider, model, rules) };
    models.set(model, ruled);
    return ruled;
  };
}

/** Without regular expressions: names come from requests, patterns from files. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.toLowerCase().split("*");
  const text = name.toLowerCase();
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
