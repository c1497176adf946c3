import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { problemOf } from "@parley/protocol";
import { parseYaml, type Environment } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import type { Exchange } from "./exchange.ts";
import { createHttpTool } from "./http-tool.ts";
import { OpenApiDocument, type Operation } from "./operations.ts";
import { HttpToolsFile, type ChosenOperation } from "./tools-file.ts";

/** A file and its document, as they are on disk. */
export interface ServiceTexts {
  /** The file's name without its ending. */
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly documentFile: string | undefined;
  readonly document: string;
}

export type ServiceTools = { readonly tools: readonly Tool[] } | { readonly problems: readonly string[] };

export interface ServiceDeps {
  readonly env: Environment;
  /** To services on the open network, and to those that may be in our own. */
  readonly exchangeFor: (allowPrivate: boolean) => Exchange;
}

/** Reading holds up all calls of a worker for as long as it takes. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** Of a file that cannot be read by its schema yet, the document is left out: the file's problems are said first. */
export async function readTexts(folder: string, entry: string): Promise<ServiceTexts> {
  const file = path.join(folder, entry);
  const text = await readFile(file, "utf8");
  const parsed = parseYaml({ file, text }, HttpToolsFile);
  const documentFile = parsed.ok ? path.join(folder, parsed.value.document) : undefined;
  const document = documentFile === undefined ? "" : await documentText(documentFile);
  return { name: entry.replace(/\.ya?ml$/, ""), file, text, documentFile, document };
}

async function documentText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    return size > MAX_DOCUMENT_BYTES ? "" : await readFile(file, "utf8");
  } catch {
    // Not there: an empty document has the same problem, and people read of it with the file's name.
    return "";
  }
}

/** The tools of one file, or all that is wrong with it, each with file and line. */
export function toolsOfService(texts: ServiceTexts, { env, exchangeFor }: ServiceDeps): ServiceTools {
  const { name, file, text } = texts;
  const parsed = parseYaml({ file, text }, HttpToolsFile);
  if (!parsed.ok) return parsed;
  const document = documentOf(texts);
  if ("problems" in document) return document;
  const { value: settings, placeOf } = parsed;
  const problems: string[] = [];
  const { secrets, secretOption, missing } = credentialsOf(settings.auth, env);
  for (const variable of missing) problems.push(`${placeOf(["auth"])}: the environment has no ${variable}`);
  const service = { name, exchange: exchangeFor(settings.private_addresses), secrets };
  const tools = Object.entries(settings.operations).flatMap(([id, chosen]) => {
    const found = document.find(id);
    const at = placeOf(["operations", id]);
    const tool = "problem" in found ? undefined : toolName(chosen, settings.prefix ?? `${name}_`, found.operation);
    if ("problem" in found || tool === undefined) {
      problems.push(
        `${at}: the operation ${id} ${"problem" in found ? found.problem : "needs a name of its own here"}`,
      );
      return [];
    }
    const common = { service, secretOption, baseUrl: new URL(settings.base_url), userHeader: settings.user_header };
    return createHttpTool({ name: tool, ...textsOf(chosen, settings, { name, ...found }), ...found, ...common });
  });
  return problems.length > 0 ? { problems } : { tools };
}

function documentOf({ file, documentFile, document }: ServiceTexts) {
  const named = documentFile ?? file;
  if (document === "")
    return { problems: [`${named}: it cannot be read, is empty, or has more than ${MAX_DOCUMENT_BYTES} bytes`] };
  if (!named.endsWith(".json")) {
    const parsed = parseYaml({ file: named, text: document }, OpenApiDocument);
    return parsed.ok ? parsed.value : parsed;
  }
  try {
    const value: unknown = JSON.parse(document);
    const read = OpenApiDocument.safeParse(value);
    return read.success ? read.data : { problems: [`${named}: ${problemOf(read.error, value)}`] };
  } catch {
    return { problems: [`${named}: it is not JSON`] };
  }
}

const MAX_NAME = 64;

/** Undefined: the document's id makes none that models can write. */
function toolName({ name }: ChosenOperation, prefix: string, { id, method, path: at }: Operation): string | undefined {
  if (name !== undefined) return name;
  const plain = /^[A-Z]+ \//.test(id) ? `${method}${at}` : id;
  const made = `${prefix}${plain.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replace(/_+$/, "")}`;
  return made.length <= MAX_NAME && made !== prefix ? made : undefined;
}

const safeMethods = new Set(["get", "head", "options"]);

function textsOf(
  { description, effect, timeout_ms }: ChosenOperation,
  settings: HttpToolsFile,
  { name, operation }: { readonly name: string; readonly operation: Operation },
) {
  const about = `${operation.method.toUpperCase()} ${operation.path} of the service ${name}.`;
  return {
    description: description ?? [operation.description.replace(/\.+$/, ""), about].filter(Boolean).join(". "),
    effect: effect ?? (safeMethods.has(operation.method) ? ("read" as const) : ("write" as const)),
    timeoutMs: timeout_ms ?? settings.timeout_ms,
  };
}

interface Credentials {
  readonly secrets: Readonly<Record<string, string>>;
  /** With the variable's name in the place of what is in it. */
  readonly secretOption: string | undefined;
  readonly missing: readonly string[];
}

function credentialsOf(auth: HttpToolsFile["auth"], env: Environment): Credentials {
  const { bearer, header, basic } = auth ?? {};
  const variable = bearer ?? header?.value ?? basic?.password;
  if (variable === undefined) return { secrets: {}, secretOption: undefined, missing: [] };
  const secret = env[variable];
  // What a header cannot hold would stop each call.
  if (secret === undefined || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret))
    return { secrets: {}, secretOption: undefined, missing: [`${variable}, or it is not one line of plain text`] };
  if (header !== undefined)
    return {
      secrets: { [header.name.toLowerCase()]: secret },
      secretOption: `-H "${header.name}: $${variable}"`,
      missing: [],
    };
  if (basic === undefined)
    return {
      secrets: { authorization: `Bearer ${secret}` },
      secretOption: `-H "Authorization: Bearer $${variable}"`,
      missing: [],
    };
  const encoded = Buffer.from(`${basic.user}:${secret}`).toString("base64");
  return {
    secrets: { authorization: `Basic ${encoded}` },
    secretOption: `-u "${basic.user}:$${variable}"`,
    missing: [],
  };
}
