import { z } from "zod";

/** Models pay for each tool in every step; whoever needs more makes a second file for other agents. */
const MAX_OPERATIONS = 100;
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const MIN_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 120_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_DESCRIPTION = 1_000;

const SECRET = /^env:([A-Z_][A-Z0-9_]*)$/;
/** Secrets are in no file: the name of an environment variable is. */
const SecretName = z
  .string()
  .regex(SECRET, 'must be "env:" and the name of an environment variable: secrets do not belong in this file')
  .transform((text) => text.slice("env:".length));

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "must be the name of a header");
const timeoutMs = z.int().min(MIN_TIMEOUT_MS).max(MAX_TIMEOUT_MS);

const Auth = z
  .strictObject({
    bearer: SecretName.optional(),
    header: z.strictObject({ name: headerName, value: SecretName }).optional(),
    basic: z
      .strictObject({ user: z.string().regex(/^[^:\p{C}]{1,200}$/u, "must have no colon"), password: SecretName })
      .optional(),
  })
  .refine((auth) => Object.values(auth).filter(Boolean).length === 1, "must be one of bearer, header and basic");

const Operation = z.strictObject({
  /** Default: the prefix and the operation's id. */
  name: z.string().regex(TOOL_NAME, "must be 1 to 64 letters, digits, _ or -").optional(),
  /** In place of what the document says. */
  description: z.string().min(1).max(MAX_DESCRIPTION).optional(),
  effect: z.enum(["read", "write"]).optional(),
  timeout_ms: timeoutMs.optional(),
});

/** Where the operations are: what comes of them and of arguments stays below it. */
const BaseUrl = z.string().superRefine((text, { addIssue }) => {
  const message = baseProblem(text);
  if (message !== undefined) addIssue({ code: "custom", message, input: text });
});

function baseProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return "must be an address that begins with https:// or http://";
  const { protocol, username, password, search, hash, href } = new URL(text);
  if (protocol !== "https:" && protocol !== "http:") return "must begin with https:// or http://";
  if (username !== "" || password !== "") return 'must name no user: that is what "auth" is for';
  if (search !== "" || hash !== "" || /[?#]/.test(href)) return "must have no ? and no #";
  return undefined;
}

/** `config/tools/<name>.yaml`: which operations of a service are tools, where it is, and how it is asked. */
export const HttpToolsFile = z
  .strictObject({
    /** Path beside the file: OpenAPI 3.0 or 3.1, YAML or JSON. */
    document: z.string().regex(/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/, "must be the path of a file in this folder"),
    base_url: BaseUrl,
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{0,32}$/, "must be up to 32 letters, digits, _ or -")
      .optional(),
    auth: Auth.optional(),
    user_header: headerName.optional(),
    private_addresses: z.boolean().default(false),
    timeout_ms: timeoutMs.default(DEFAULT_TIMEOUT_MS),
    /** By operationId, or as `GET /path`. */
    operations: z
      .record(
        z.string().min(1).max(300),
        Operation.nullable().transform((operation) => operation ?? {}),
      )
      .refine((operations) => Object.keys(operations).length > 0, "must name the operations that become tools")
      .refine(
        (operations) => Object.keys(operations).length <= MAX_OPERATIONS,
        `must name at most ${MAX_OPERATIONS} operations`,
      ),
  })
  .refine(({ base_url, private_addresses }) => private_addresses || !base_url.startsWith("http:"), {
    path: ["base_url"],
    error: 'must begin with https:// unless "private_addresses" is true',
  });
export type HttpToolsFile = z.output<typeof HttpToolsFile>;
export type ChosenOperation = HttpToolsFile["operations"][string];
