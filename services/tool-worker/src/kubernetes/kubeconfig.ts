import { KubeConfig, loadYaml, type User } from "@kubernetes/client-node";
import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { StartError } from "@parley/runtime";
import { createExecLogin, type ExecLogin } from "./exec-login.ts";

/** How one cluster is reached, and as whom. */
export interface Access {
  readonly config: KubeConfig;
  /** When a program logs in. */
  readonly login?: ExecLogin;
}

const PROXY = /^(https?|socks[45]?[ah]?):$/;

/**
 * Reads kubeconfigs as kubectl does (client-go, `ClientConfigLoadingRules.Load`): paths separated as in PATH, missing files skipped; of each
 * name the first entry holds, and the first file that sets it says the current context. Undefined: none of the files is there. Throws
 * StartError for what kubectl refuses too, and for a missing or unknown context. `context`: another one than the current.
 */
export function readKubeconfig(paths: string, env: NodeJS.ProcessEnv, context?: string): Access | undefined {
  const files = [...new Set(paths.split(path.delimiter).filter(Boolean))];
  const parts = files.map(readFile).filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: firsts(parts.flatMap((part) => part.getClusters())),
    users: firsts(parts.flatMap((part) => part.getUsers())),
    contexts: firsts(parts.flatMap((part) => part.getContexts())),
    currentContext: context ?? parts.map((part) => part.getCurrentContext()).find(Boolean),
  });
  requireContext(config, context === undefined ? ", its current one" : "");
  return withLogin(config, env);
}

function readFile(file: string): KubeConfig | undefined {
  const config = new KubeConfig();
  const folder = path.dirname(file);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    // The client library stumbles over an empty file; for kubectl it is one without entries.
    if (isEmpty(text)) return config;
    config.loadFromString(text, { onInvalidEntry: "filter" });
    config.makePathsAbsolute(folder);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    const sentence = `The kubeconfig ${file} cannot be read${reasonOf(cause)}; set KUBECONFIG to one that can.`;
    throw new StartError(sentence, { cause });
  }
  for (const entries of [config.getClusters(), config.getUsers(), config.getContexts()]) refuseTwice(entries, file);
  const users = config.getUsers().map((user) => withTokenFile(withCommandOf(user, folder), text, folder));
  config.loadFromOptions({ ...partsOf(config), users });
  return config;
}

function partsOf(config: KubeConfig) {
  const [clusters, users, contexts] = [config.getClusters(), config.getUsers(), config.getContexts()];
  return { clusters, users, contexts, currentContext: config.getCurrentContext() };
}

function isEmpty(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(#|---\s*$|$)/.test(line));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** A YAML error quotes the lines around it, which may be keys: its `reason` does not. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("reason" in error && typeof error.reason === "string") return `: it is not YAML (${error.reason})`;
  return "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
}

type Named = { readonly name: string };

function refuseTwice(entries: readonly Named[], file: string): void {
  const twice = entries.find(({ name }, index) => entries.findIndex((entry) => entry.name === name) < index);
  if (twice !== undefined) throw new StartError(`The kubeconfig ${file} has two entries of the name "${twice.name}".`);
}

function firsts<Entry extends Named>(entries: readonly Entry[]): Entry[] {
  const byName = new Map<string, Entry>();
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry);
  return [...byName.values()];
}

const Exec = z.looseObject({ command: z.string() });

/** A command with a slash is meant from where its kubeconfig is. */
function withCommandOf(user: User, folder: string): User {
  const exec = Exec.safeParse(user.exec).data;
  if (exec?.command.includes(path.sep) !== true) return user;
  return { ...user, exec: { ...exec, command: path.resolve(folder, exec.command) } };
}

const TokenFiles = z.object({
  users: z.array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() })),
});

/** The client library knows the field `tokenFile` by another name only. The file is read again every minute, and goes before a token. */
function withTokenFile(user: User, text: string, folder: string): User {
  const named = TokenFiles.safeParse(loadYaml(text)).data?.users.find(({ name }) => name === user.name);
  const file = named?.user?.tokenFile;
  if (file === undefined || file === "") return user;
  const { token: _, ...rest } = user;
  return { ...rest, authProvider: { name: "tokenFile", config: { tokenFile: path.resolve(folder, file) } } };
}

function requireContext(config: KubeConfig, asked: string): void {
  const current = config.getCurrentContext();
  const names = config.getContexts().map(({ name }) => `"${name}"`);
  const thereAre = names.length === 0 ? "it has none" : `there are ${names.join(", ")}`;
  if (!current) throw new StartError(`KUBECONFIG names no current context; ${thereAre}.`);
  const context = config.getContextObject(current);
  if (context === null) throw new StartError(`KUBECONFIG has no context "${current}"${asked}; ${thereAre}.`);
  if (config.getCluster(context.cluster) === null) {
    throw new StartError(`KUBECONFIG has no cluster "${context.cluster}", the one of its context "${current}".`);
  }
}

/**
 * Whoever is named but not there is nobody, as for kubectl; but without any user the client library would use neither the cluster's
 * certificates nor its word that they are not to be checked. A program that logs in is run by us: the library's way waits for it for ever,
 * starts one for each request, and never asks again when the cluster refuses what it said.
 */
function withLogin(config: KubeConfig, env: NodeJS.ProcessEnv): Access {
  const parts = partsOf(config);
  const context = config.getContextObject(parts.currentContext);
  const user = config.getCurrentUser() ?? { name: context?.user ?? "" };
  const exec: unknown = user.exec;
  const others = parts.users.filter(({ name }) => name !== user.name);
  const contexts = parts.contexts.map((entry) =>
    entry.name === context?.name ? { ...entry, user: user.name } : entry,
  );
  config.loadFromOptions({ ...parts, contexts, users: [...others, { ...user, exec: undefined }] });
  if (exec === undefined || exec === null) return { config };
  const login = createExecLogin({ spec: exec, cluster: config.getCurrentCluster(), env });
  config.addAuthenticator({ isAuthProvider: ({ name }) => name === user.name, applyAuthentication: login.apply });
  return { config, login };
}

/** What can be seen to be wrong without asking the cluster, as a sentence. */
export function accessProblem(config: KubeConfig): string | undefined {
  const { server = "", skipTLSVerify = false, proxyUrl } = config.getCurrentCluster() ?? {};
  const protocol = protocolOf(server);
  if (protocol !== "https:" && protocol !== "http:") {
    return "The server in the tool worker's kubeconfig is not an address that begins with https://.";
  }
  if (protocol === "http:" && !skipTLSVerify) {
    return (
      "The server in the tool worker's kubeconfig begins with http://, which would show the login to everybody on the way: " +
      "it must be https://, or insecure-skip-tls-verify be set."
    );
  }
  if (proxyUrl === undefined || PROXY.test(protocolOf(proxyUrl))) return undefined;
  return "The proxy-url in the tool worker's kubeconfig is not an address of a proxy.";
}

function protocolOf(address: string): string {
  return URL.canParse(address) ? new URL(address).protocol : "";
}
