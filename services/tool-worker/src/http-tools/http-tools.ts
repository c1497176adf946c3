import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { StartError, type Environment, type Logger } from "@parley/runtime";
import type { Tool } from "../tools/tool.ts";
import { createExchange } from "./exchange.ts";
import { readTexts, toolsOfService, type ServiceDeps, type ServiceTexts } from "./service-files.ts";

export interface HttpToolsOptions {
  /** Undefined: the shipped folder, if it is there. */
  readonly folder: string | undefined;
  /** Where credentials are, by the names in the files. */
  readonly env: Environment;
  readonly log: Logger;
  /** Default: 2 s. */
  readonly everyMs?: number;
}

/** Tools from the OpenAPI documents of services. */
export interface HttpTools {
  /** As the files are now; of a change that cannot be used, as they were before. */
  tools(): readonly Tool[];
  /** Why the newest change does not count, as sentences. */
  problems(): readonly string[];
  /** Called when there are others. */
  onChange(listener: () => void): void;
  close(): void;
}

const shipped = fileURLToPath(new URL("../../../../config/tools", import.meta.url));
const defaultEveryMs = 2_000;
/** Of one worker to one service: more would only wait there. */
const MAX_SOCKETS = 16;
const MAX_ANSWER_BYTES = 256 * 1024;
/** Names of policies and of what is audited are made of it. */
const SERVICE_FILE = /^[a-z][a-z0-9-]{0,30}\.ya?ml$/;
const MAX_SERVICES = 50;

/** Throws a StartError with every problem when the files cannot be used at the start; later the last good ones go on to count. */
export async function openHttpTools({
  folder,
  env,
  log,
  everyMs = defaultEveryMs,
}: HttpToolsOptions): Promise<HttpTools> {
  const exchanges = createExchanges();
  const deps: ServiceDeps = { env, exchangeFor: exchanges.of };
  const read = createReader(folder);

  let texts = await read().catch((cause: unknown) => {
    throw new StartError(`The folder of HTTP tools, ${folder ?? shipped}, cannot be read.`, { cause });
  });
  const first = toolsOf(texts, deps);
  if ("problems" in first)
    throw new StartError(["The HTTP tools cannot be used:", ...first.problems.map((one) => `  - ${one}`)].join("\n"));
  let { tools } = first;
  let problems: readonly string[] = [];
  let listener = (): void => {};

  let seen = JSON.stringify(texts);
  const look = async (): Promise<void> => {
    const now = await read();
    const before = seen;
    seen = JSON.stringify(now);
    // Twice the same: a file that is half written is not read, nor one beside a document of another version.
    if (seen !== before || seen === JSON.stringify(texts)) return;
    texts = now;
    const found = toolsOf(now, deps);
    problems = "problems" in found ? found.problems : [];
    if ("problems" in found)
      return log.error({ problems }, "the HTTP tools were changed and cannot be used: the ones before go on");
    ({ tools } = found);
    log.info({ tools: tools.map(({ definition }) => definition.name) }, "the HTTP tools were read again");
    listener();
  };
  const timer = setInterval(() => {
    look().catch((err: unknown) => log.error({ err }, "the HTTP tools cannot be read any more: the last ones go on"));
  }, everyMs);
  timer.unref();
  return {
    tools: () => tools,
    problems: () => problems,
    onChange: (wanted) => void (listener = wanted),
    close(): void {
      clearInterval(timer);
      exchanges.close();
    },
  };
}

/** All services share two, so that a change of their files breaks no connection. */
function createExchanges() {
  const common = { maxSockets: MAX_SOCKETS, maxBodyBytes: MAX_ANSWER_BYTES };
  const open = createExchange({ ...common, allowPrivate: false });
  const own = createExchange({ ...common, allowPrivate: true });
  return {
    of: (allowPrivate: boolean) => (allowPrivate ? own : open),
    close(): void {
      open.close();
      own.close();
    },
  };
}

function createReader(folder: string | undefined): () => Promise<ServiceTexts[]> {
  return async () => {
    const entries = await readdir(folder ?? shipped).catch((error: unknown) => {
      // The shipped folder need not be there.
      if (folder === undefined) return [];
      throw error;
    });
    const files = entries.filter((entry) => /\.ya?ml$/.test(entry) && !/\.openapi\.ya?ml$/.test(entry)).toSorted();
    return Promise.all(files.map((entry) => readTexts(folder ?? shipped, entry)));
  };
}

function toolsOf(
  services: readonly ServiceTexts[],
  deps: ServiceDeps,
): { readonly tools: readonly Tool[] } | { readonly problems: readonly string[] } {
  const byName = new Map<string, Tool>();
  const problems: string[] = [];
  if (services.length > MAX_SERVICES) problems.push(`there are more than ${MAX_SERVICES} services`);
  for (const texts of services) {
    if (!SERVICE_FILE.test(`${texts.name}.yaml`))
      problems.push(`${texts.file}: its name must be 1 to 31 small letters, digits or -, and begin with a letter`);
    const found = toolsOfService(texts, deps);
    if ("problems" in found) problems.push(...found.problems);
    for (const tool of "tools" in found ? found.tools : []) {
      const { name } = tool.definition;
      if (byName.has(name)) problems.push(`${texts.file}: there are two tools named ${name}`);
      byName.set(name, tool);
    }
  }
  return problems.length > 0 ? { problems } : { tools: [...byName.values()] };
}
