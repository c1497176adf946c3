import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  McpOAuth,
  parseYaml,
  personalOAuthOf,
  StartError,
  type Environment,
  type PersonalOAuth,
} from "@parley/runtime";
import { z } from "zod";

/** A server at which each user has an account of their own. */
export interface AccountServer extends PersonalOAuth {
  readonly name: string;
  readonly url: string;
  /** Undefined: a public client, of whom only the code's verifier is asked. */
  readonly clientSecret?: string | undefined;
}

/** How the callback is reached, and what seals tokens. */
export interface ConnectionSettings {
  readonly servers: readonly AccountServer[];
  /** 32 bytes, those of the tool workers. */
  readonly key: Buffer;
  /** Under which address people reach the edges. */
  readonly origin: string;
}

/** The settings of an edge that are about this. */
export interface ConnectionConfig {
  readonly MCP_FILE?: string | undefined;
  readonly MCP_TOKEN_KEY?: string | undefined;
  readonly PUBLIC_URL?: string | undefined;
}

/** Of the file of the MCP servers only what is about people's accounts: all else in it is for tool workers, who check it. */
const McpFile = z.looseObject({
  servers: z.record(z.string(), z.looseObject({ url: z.string().optional(), oauth: McpOAuth.optional() })).default({}),
});

const shipped = fileURLToPath(new URL("../../../../../config/mcp.yaml", import.meta.url));

/**
 * The servers of `MCP_FILE` at which users connect accounts, or a sentence that says why they cannot; undefined: there are none. Throws a StartError that names every problem with file
 * and line, also a secret that the environment does not have.
 */
export async function readConnectionSettings(
  { MCP_FILE: named, MCP_TOKEN_KEY: key, PUBLIC_URL: origin }: ConnectionConfig,
  env: Environment,
): Promise<ConnectionSettings | string | undefined> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return undefined;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the MCP servers, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, McpFile);
  if (!parsed.ok) throw unusable(parsed.problems);
  const found = serversIn(parsed.value);
  if (found.length === 0) return undefined;
  if (key === undefined || origin === undefined) return offNote(found);
  const problems: string[] = [];
  const servers = found.map(({ secretFrom, ...server }): AccountServer => {
    if (secretFrom === undefined) return server;
    const clientSecret = env[secretFrom] ?? "";
    const place = parsed.placeOf(["servers", server.name, "oauth", "client_secret"]);
    if (clientSecret === "") problems.push(`${place}: the environment has no ${secretFrom}`);
    return { ...server, clientSecret };
  });
  if (problems.length > 0) throw unusable(problems);
  return { servers, key: Buffer.from(key, "base64"), origin };
}

function serversIn({ servers }: z.infer<typeof McpFile>) {
  return Object.entries(servers).flatMap(([name, { url, oauth }]) => {
    const personal = personalOAuthOf(oauth);
    return personal === undefined || url === undefined
      ? []
      : [{ ...personal, name, url, secretFrom: oauth?.client_secret }];
  });
}

function offNote(servers: readonly { readonly name: string }[]): string {
  const names = servers.map(({ name }) => name).join(", ");
  return `Nobody can connect an account at the MCP servers ${names}: that needs MCP_TOKEN_KEY and PUBLIC_URL.`;
}

function unusable(problems: readonly string[]): StartError {
  return new StartError(["The MCP servers cannot be used:", ...problems.map((problem) => `  - ${problem}`)].join("\n"));
}
