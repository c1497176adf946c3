import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  isHttpAddress,
  McpOAuth,
  parseYaml,
  personalOAuthOf,
  plainAddressOf,
  StartError,
  type Environment,
  type PersonalOAuth,
} from "@parley/runtime";
import { z } from "zod";

/** Beginnings of the names of our own tools: a server of that name would be taken for us. */
const RESERVED = new Set(["k8s", "demo", "http"]);
/** No underscore: what stands before the first one in a tool's name is its server, so two servers never share a name. */
const SERVER_NAME = /^[a-z][a-z0-9-]{0,29}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const HEADER = /^[A-Za-z0-9-]{1,128}$/;
/** Whoever writes a secret into the file shows it to all who may read the repository. */
const SECRET_NAME = /pass|secret|token|key|cred|auth|private/i;

/** What a program needs to run at all. HOME is not among it: our own access to clusters and registries lies there. */
const PASSED_ON = ["PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"];

const MAX_SERVERS = 50;
const KIB = 1024;
const MIB = 2 ** 20;
const MINUTE_MS = 60_000;

const count = (fallback: number, most: number) => z.int().min(1).max(most).default(fallback);

/** What one server may take of us; each has a bound, so that no server can take more than the machine has. */
const ServerLimits = z.strictObject({
  start_ms: count(20_000, 10 * MINUTE_MS).describe("Until it has said what it can do."),
  call_ms: count(MINUTE_MS, 60 * MINUTE_MS).describe("One call."),
  calls: count(8, 1_000).describe("Calls of this worker at once."),
  sessions: count(100, 10_000).describe("People's sessions of this worker at once, where each has their own account."),
  tools: count(100, 1_000).describe("Tools that are taken of it; the others are left out."),
  result_bytes: count(256 * KIB, 16 * MIB).describe("Of a result; what is longer is cut."),
  message_bytes: count(4 * MIB, 64 * MIB).describe("Of one message; a longer one ends the connection."),
  messages_per_s: count(200, 100_000).describe("Messages that are read of it; more wait."),
  memory_bytes: z
    .int()
    .min(MIB)
    .max(2 ** 40)
    .default(2 ** 30)
    .describe("Of its processes together (Linux)."),
});

const text = z
  .string()
  .min(1)
  .max(32 * KIB);
const variable = z.string().regex(VARIABLE, "must be the name of a variable");
const toolNames = z.array(z.string().min(1).max(256)).max(1_000);

/** Values by names of which each has to be in order; undefined: it is. */
function byName<Value extends z.ZodType>(value: Value, problem: (name: string) => string | undefined) {
  return z.record(z.string(), value).superRefine((values, ctx) => {
    for (const name of Object.keys(values)) {
      const message = problem(name);
      if (message !== undefined) ctx.addIssue({ code: "custom", path: [name], message });
    }
  });
}

const variableProblem = (name: string) => (VARIABLE.test(name) ? undefined : "must be the name of a variable");
const headerProblem = (name: string) => (HEADER.test(name) ? undefined : "must be the name of a header");
const secretProblem = (name: string) =>
  SECRET_NAME.test(name) ? "must not stand here: name the variable that has it" : undefined;

/** A tool as `tools/list` says it: an answer can be put here as it is. */
const OfferedEntry = z.looseObject({
  name: z.string().min(1).max(256),
  description: z
    .string()
    .max(32 * KIB)
    .optional(),
  inputSchema: z.looseObject({ type: z.literal("object") }).default({ type: "object" }),
  annotations: z.looseObject({ destructiveHint: z.boolean().optional() }).optional(),
});

const Server = z
  .strictObject({
    command: text.optional(),
    args: z
      .array(z.string().max(32 * KIB))
      .max(200)
      .optional(),
    cwd: text.optional(),
    env: byName(z.string().max(32 * KIB), (name) => variableProblem(name) ?? secretProblem(name)).optional(),
    secrets: byName(variable, variableProblem).optional(),
    url: z.string().refine(isHttpAddress, "must be an http or https address").optional(),
    headers: byName(text, (name) => headerProblem(name) ?? secretProblem(name)).optional(),
    secret_headers: byName(variable, headerProblem).optional(),
    bearer: variable.optional(),
    oauth: McpOAuth.optional(),
    offers: z.array(OfferedEntry).max(1_000).optional(),
    private_addresses: z.boolean().optional(),
    ca_file: text.optional(),
    era: z.enum(["auto", "2025", "2026-07-28"]).default("auto"),
    tools: toolNames.optional(),
    without: toolNames.default([]),
    read_tools: toolNames.default([]),
    limits: ServerLimits.prefault({}),
  })
  .superRefine((server, ctx) => {
    for (const message of problemsOf(server)) ctx.addIssue({ code: "custom", ...message });
  });
type Server = z.infer<typeof Server>;

const ofProcesses = ["args", "cwd", "env", "secrets"] as const;
const ofAddresses = [
  ...(["headers", "secret_headers", "bearer", "oauth", "offers", "private_addresses", "ca_file"] as const),
];

interface Problem {
  readonly path?: string[];
  readonly message: string;
}

function problemsOf(server: Omit<Server, "limits">): Problem[] {
  const { command, url, bearer, oauth } = server;
  if ((command === undefined) === (url === undefined)) return [{ message: 'must have either "command" or "url"' }];
  const others = command === undefined ? ofProcesses : ofAddresses;
  const misplaced = others.filter((field) => server[field] !== undefined);
  const why = command === undefined ? "is for servers with a command" : "is for servers with a url";
  const problems: Problem[] = misplaced.map((field) => ({ path: [field], message: why }));
  if (url?.startsWith("http:") === true && server.private_addresses !== true)
    problems.push({ path: ["url"], message: 'must begin with https:// unless "private_addresses" is true' });
  if (bearer !== undefined && oauth !== undefined) problems.push({ path: ["oauth"], message: "is instead of bearer" });
  return [...problems, ...personalProblemsOf(server)];
}

function personalProblemsOf({ oauth, offers, private_addresses }: Omit<Server, "limits">): Problem[] {
  if (oauth?.per !== "user")
    return offers === undefined ? [] : [{ path: ["offers"], message: 'is for servers with "per: user"' }];
  const plain = private_addresses === true ? undefined : plainAddressOf(oauth);
  const message = 'must begin with https:// unless "private_addresses" is true';
  return [
    ...(plain === undefined ? [] : [{ path: ["oauth", plain], message }]),
    ...(offers === undefined ? [{ path: ["offers"], message: "is missing" }] : []),
  ];
}

function serverProblem(name: string): string | undefined {
  if (!SERVER_NAME.test(name)) return "must be 1 to 30 small letters, digits or hyphens, and begin with a letter";
  return RESERVED.has(name) ? "must have another name: our own tools begin with it" : undefined;
}

/** `config/mcp.yaml`. */
const McpFile = z.strictObject({
  servers: byName(Server, serverProblem)
    .refine((servers) => Object.keys(servers).length <= MAX_SERVERS, `must have at most ${MAX_SERVERS} servers`)
    .default({}),
});

export interface McpServerConfig extends Omit<
  Server,
  "secrets" | "secret_headers" | "bearer" | "oauth" | "offers" | "env" | "headers"
> {
  readonly name: string;
  /** All that a process of the server's gets to know, secrets in it. */
  readonly env: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly oauth?: OAuthConfig;
  /** Each user has an account of their own there. */
  readonly personal?: PersonalConfig;
}

export interface PersonalConfig extends PersonalOAuth {
  readonly clientSecret?: string;
  /** What is offered of the server: without anybody's account it cannot be asked, and what one may see of it is not for another. */
  readonly offers: readonly z.infer<typeof OfferedEntry>[];
}

export interface OAuthConfig {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /** The first one; what comes of it is kept with the other workers. */
  readonly refreshToken?: string;
  readonly scope?: string;
}

const shipped = fileURLToPath(new URL("../../../../config/mcp.yaml", import.meta.url));

/**
 * The servers of `MCP_FILE`; of the shipped file, if no other is named and it is there. Throws a StartError that names every problem with file and line, also a
 * secret that the environment does not have.
 */
export async function loadMcpFile(named: string | undefined, env: Environment): Promise<McpServerConfig[]> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return [];
  const content = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the MCP servers, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text: content }, McpFile);
  if (!parsed.ok) throw unusable(parsed.problems);
  const problems: string[] = [];
  const servers = Object.entries(parsed.value.servers).map(([name, server]) => {
    const secretOf = (path: readonly string[], from: string): string => {
      const value = env[from];
      if (value === undefined || value === "")
        problems.push(`${parsed.placeOf(["servers", name, ...path])}: the environment has no ${from}`);
      return value ?? "";
    };
    const config = configOf(name, server, secretOf);
    return { ...config, env: { ...passedOn(env), ...config.env } };
  });
  if (problems.length > 0) throw unusable(problems);
  return servers;
}

type SecretOf = (path: readonly string[], from: string) => string;

function configOf(name: string, server: Server, secretOf: SecretOf): McpServerConfig {
  const { secrets = {}, secret_headers = {}, bearer, oauth, offers, env = {}, headers = {}, ...rest } = server;
  const resolved = (field: string, references: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(references).map(([key, from]) => [key, secretOf([field, key], from)]));
  return {
    ...rest,
    name,
    env: { ...env, ...resolved("secrets", secrets) },
    headers: {
      ...headers,
      ...resolved("secret_headers", secret_headers),
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${secretOf(["bearer"], bearer)}` }),
    },
    ...(oauth === undefined || oauth.per === "user" ? {} : { oauth: oauthOf(oauth, secretOf) }),
    ...personalOf(oauth, offers, secretOf),
  };
}

function personalOf(
  oauth: McpOAuth | undefined,
  offers: Server["offers"] = [],
  secretOf: SecretOf,
): { personal?: PersonalConfig } {
  const personal = personalOAuthOf(oauth);
  if (personal === undefined) return {};
  const from = oauth?.client_secret;
  const secret = from === undefined ? {} : { clientSecret: secretOf(["oauth", "client_secret"], from) };
  return { personal: { ...personal, ...secret, offers } };
}

function oauthOf(oauth: McpOAuth, secretOf: SecretOf): OAuthConfig {
  const { token_url: tokenUrl, client_id: clientId, client_secret, refresh_token, scope } = oauth;
  return {
    tokenUrl,
    clientId,
    ...(client_secret && { clientSecret: secretOf(["oauth", "client_secret"], client_secret) }),
    ...(refresh_token && { refreshToken: secretOf(["oauth", "refresh_token"], refresh_token) }),
    ...(scope && { scope }),
  };
}

function passedOn(env: Environment): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function unusable(problems: readonly string[]): StartError {
  return new StartError(["The MCP servers cannot be used:", ...problems.map((problem) => `  - ${problem}`)].join("\n"));
}

/** What is missing where a server has `oauth`. */
export const noTokenKey =
  "MCP servers with oauth need MCP_TOKEN_KEY: 32 bytes in base64, the same for all tool workers.";
