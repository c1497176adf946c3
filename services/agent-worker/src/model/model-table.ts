import { issueWords } from "@parley/protocol";
import { isHttpAddress } from "@parley/runtime";
import { z } from "zod";
import { Abilities, ModelRule } from "./model-rules.ts";

/** Bounds of a file that a person writes. */
const mostServers = 50;
const mostModels = 200;
const mostFallbacks = 8;
/** A timer of Node's holds no more. */
const longestMs = 2_147_483_647;

const name = () => z.string().trim().min(1, "must not be empty").max(128);
const milliseconds = () => z.number().int().min(1).max(longestMs);
const variable = () =>
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of an environment variable");
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, "must be the name of a header");
const headerValue = z
  .string()
  .max(1_024)
  .regex(/^[\t\x20-\x7e]*$/, "must be one line of ASCII");

/** Where models are. Without an address it is the server of the environment (`OPENAI_*`, `OPENROUTER_API_KEY`). */
const ServerEntry = z.strictObject({
  name: name(),
  address: z
    .string()
    .refine(isHttpAddress, "must be an http or https address")
    .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === "", {
      message: "must not contain a user name or password",
    })
    .optional(),
  /** The environment variable that has the key. */
  key_env: variable().optional(),
  headers: z.record(headerName, headerValue).default({}),
  /** Of which environment variables have the values. */
  secret_headers: z.record(headerName, variable()).default({}),
  /** Requests of one worker that are open there at a time. */
  concurrent: z.number().int().min(1).max(100_000).optional(),
  /** Requests of one worker that wait for one of those places. */
  queued: z.number().int().min(0).max(100_000).default(1_000),
  /** How long one of them waits. */
  queue_ms: milliseconds().default(10_000),
});
type ServerEntry = z.output<typeof ServerEntry>;

const amount = () => z.number().min(0).max(1_000_000);

/** What a million tokens cost. */
export const Price = z.strictObject({
  in: amount(),
  out: amount(),
  /** Of input that the provider had kept; `in` where it is not said. */
  cached: amount().optional(),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be a currency of three capital letters")
    .default("USD"),
  /** The day on which somebody looked. */
  as_of: z.iso.date('must be a date in quotes, as "2026-11-30"'),
});
export type Price = z.output<typeof Price>;

const NamedModel = z.strictObject({
  name: name(),
  /** Default: the server of the environment. */
  server: name().optional(),
  /** What the provider calls it. Default: its name. */
  id: name().optional(),
  prices: Price.optional(),
  /** What it reads at most. */
  context_tokens: z.number().int().min(1).max(1_000_000_000).optional(),
  abilities: Abilities.partial().optional(),
  /** Which models are asked in its place, in this order. */
  fallbacks: z.array(name()).max(mostFallbacks).default([]),
  /** Requests for one answer, the first included, before the next model is asked. */
  attempts: z.number().int().min(1).max(10).optional(),
  first_token_ms: milliseconds().optional(),
  idle_ms: milliseconds().optional(),
  /** For the whole answer of one step, waits and repetitions included. */
  total_ms: milliseconds().optional(),
  /** A second request goes out when nothing has come after so long. */
  hedge_after_ms: milliseconds().optional(),
});
export type NamedModel = z.output<typeof NamedModel>;

/** An entry with a `name` is a model, one without a rule. Checked by its own schema, so that a problem is told of the field. */
const Entry = z.record(z.string(), z.unknown()).transform((entry, context): ModelRule | NamedModel => {
  const checked = "name" in entry ? NamedModel.safeParse(entry) : ModelRule.safeParse(entry);
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) {
    if (issue.code === "unrecognized_keys") context.issues.push({ ...issue, input: entry });
    else context.addIssue({ code: "custom", path: issue.path, message: issueWords(issue) });
  }
  return z.NEVER;
});

export const ModelsFile = z
  .strictObject({
    servers: z.array(ServerEntry).max(mostServers).default([]),
    /** After how many failures in a row a model is left alone, and for how long. */
    breaker: z
      .strictObject({ failures: z.number().int().min(1).max(1_000), open_ms: milliseconds() })
      .partial()
      .default({}),
    rules: z.array(ModelRule).max(500).default([]),
    models: z
      .array(Entry)
      .max(500 + mostModels)
      .default([]),
  })
  .superRefine(checkNames);
type ModelsFile = z.output<typeof ModelsFile>;

function isNamed(entry: ModelRule | NamedModel): entry is NamedModel {
  return "name" in entry;
}

function checkNames({ servers, models }: ModelsFile, context: z.RefinementCtx): void {
  const tell = (path: PropertyKey[], message: string): void => context.addIssue({ code: "custom", path, message });
  const serverNames = servers.map((server) => server.name);
  const modelNames = models.map((entry) => (isNamed(entry) ? entry.name : undefined));
  serverNames.forEach((each, at) => {
    if (serverNames.indexOf(each) !== at) tell(["servers", at, "name"], "is taken by another server");
  });
  models.forEach((entry, at) => {
    if (!isNamed(entry)) return;
    if (modelNames.indexOf(entry.name) !== at) tell(["models", at, "name"], "is taken by another model");
    if (entry.server !== undefined && !serverNames.includes(entry.server))
      tell(["models", at, "server"], "must be the name of a server of this file");
    entry.fallbacks.forEach((fallback, nth) => {
      const path = ["models", at, "fallbacks", nth];
      if (fallback === entry.name) tell(path, "must be another model");
      else if (!modelNames.includes(fallback)) tell(path, "must be the name of a model of this file");
    });
  });
}

/** A server with what the environment has for it. */
export interface ModelServer extends Omit<ServerEntry, "key_env" | "secret_headers"> {
  /** Undefined: it wants none. */
  readonly key: string | undefined;
}

/** Models and servers as somebody has described them. */
export interface ModelTable {
  readonly servers: ReadonlyMap<string, ModelServer>;
  readonly models: ReadonlyMap<string, NamedModel>;
  readonly rules: readonly ModelRule[];
  readonly breaker: { readonly failures: number; readonly openMs: number };
  /** What a model's tokens cost, by the name by which it is asked for. Undefined: nobody has said it. */
  priceOf(model: string): Price | undefined;
}

/** What the environment has under that name; `path`: where the file asks for it. */
export type SecretOf = (path: readonly PropertyKey[], variable: string) => string;

export function toModelTable({ servers, models, rules, breaker }: ModelsFile, secretOf: SecretOf): ModelTable {
  const named = new Map(models.filter(isNamed).map((model) => [model.name, model]));
  return {
    servers: new Map(servers.map((server, at) => [server.name, serverOf(server, at, secretOf)])),
    models: named,
    rules: [...models.flatMap((entry) => (isNamed(entry) ? [] : [entry])), ...rules],
    breaker: { failures: breaker.failures ?? 5, openMs: breaker.open_ms ?? 30_000 },
    priceOf: (model) => named.get(model)?.prices,
  };
}

function serverOf({ key_env, secret_headers, ...server }: ServerEntry, at: number, secretOf: SecretOf): ModelServer {
  const secrets = Object.entries(secret_headers).map(([header, variable]): [string, string] => [
    header,
    secretOf(["servers", at, "secret_headers", header], variable),
  ]);
  return {
    ...server,
    headers: { ...server.headers, ...Object.fromEntries(secrets) },
    key: key_env === undefined ? undefined : secretOf(["servers", at, "key_env"], key_env),
  };
}

/** Nothing is described: every name is one of the environment's provider. */
export const noModelTable: ModelTable = toModelTable({ servers: [], models: [], rules: [], breaker: {} }, () => "");
