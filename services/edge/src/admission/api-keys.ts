import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import { ChatError, type Caller } from "@parley/protocol";
import { addCounts, Gauge, openLiveFile, type LiveFile, type Logger, type Registry } from "@parley/runtime";
import { hashOfApiKey, isWellTyped } from "./api-key.ts";
import { ApiKeysFile, type ApiKeyEntry } from "./api-keys-file.ts";
import type { Shut } from "./gate.ts";
import { TokenFault, type Identity } from "./identity.ts";

const shipped = fileURLToPath(new URL("../../../../config/api-keys.yaml", import.meta.url));

/** The issuer's name of whoever shows a key. */
const apiKeyIssuer = "api-key";
/** Sockets of a key last this long at a time, as those of a token that runs out in a year. */
const longestMs = 366 * 86_400_000;

const notKnown = "This API key is not known here, or not any more.";

export interface ApiKeys {
  /** Whose key it is. Throws AUTH_INVALID, with a sentence that says what is wrong with it. */
  identify(key: string, address: string): Identity;
  /** Whether the key that a ticket was made with, or a socket opened, is still there as it was. */
  isCurrent(identity: Identity): boolean;
  /** Called with whose sockets are to be closed: a key was taken out of the file, or got other rights. Returns how to stop. */
  onShut(listener: (shut: Shut) => void): () => void;
  /** Looks for keys that were taken out. */
  sweep(): void;
  /** Why the newest change of the file does not count, as sentences. */
  problems(): readonly string[];
  close(): void;
}

/** There are none. */
export const noApiKeys: Pick<ApiKeys, "identify" | "isCurrent" | "onShut" | "sweep"> = {
  identify() {
    throw new ChatError("AUTH_INVALID", { message: notKnown, cause: new TokenFault("there are no API keys") });
  },
  isCurrent: ({ issuer }) => issuer !== apiKeyIssuer,
  onShut: () => () => {},
  sweep: () => {},
};

interface Held {
  readonly entry: ApiKeyEntry;
  /** What it says, to see whether it has changed. */
  readonly text: string;
}

interface State {
  file: ApiKeysFile;
  byHash: ReadonlyMap<string, Held>;
  readonly outcomes: Record<"accepted" | "mistyped" | "unknown" | "expired" | "elsewhere", number>;
  /** Seconds since 1970, by name. */
  readonly lastUsed: Map<string, number>;
}

export interface ApiKeysOptions {
  /** Undefined: the shipped one, if it is there. */
  readonly file: string | undefined;
  readonly registry: Registry;
  readonly log: Logger;
  readonly everyMs?: number;
}

/** Opens the file of the keys. Throws a StartError with every problem when it cannot be used. */
export async function openApiKeys({ file, registry, log, everyMs }: ApiKeysOptions): Promise<ApiKeys> {
  const live = await openLiveFile({
    file: file ?? shipped,
    what: "the API keys",
    schema: ApiKeysFile,
    isOptional: file === undefined,
    log,
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  const outcomes = { accepted: 0, mistyped: 0, unknown: 0, expired: 0, elsewhere: 0 };
  const state: State = { file: live.current(), byHash: held(live.current()), outcomes, lastUsed: new Map() };
  addKeyMetrics(registry, state);
  return createApiKeys(live, state, log);
}

function createApiKeys(live: LiveFile<ApiKeysFile>, state: State, log: Logger): ApiKeys {
  const listeners = new Set<(shut: Shut) => void>();
  const sweep = (): void => {
    const now = live.current();
    if (now === state.file) return;
    const before = state.byHash;
    state.file = now;
    state.byHash = held(now);
    const gone = [...before].flatMap(([hash, { entry, text }]) =>
      state.byHash.get(hash)?.text === text ? [] : [entry.name],
    );
    if (gone.length === 0) return;
    log.info({ keys: gone }, "API keys were taken out or changed: their sockets are closed");
    for (const name of gone) state.lastUsed.delete(name);
    for (const reason of ["key removed", "key changed"] as const) {
      for (const listener of listeners)
        listener({ reason, matches: ({ caller }) => reasonOf(state, caller) === reason });
    }
  };
  const refuse = (outcome: keyof State["outcomes"], message: string): ChatError => {
    state.outcomes[outcome]++;
    return new ChatError("AUTH_INVALID", { message, cause: new TokenFault(`the API key is ${outcome}`) });
  };
  return {
    identify(key, address) {
      if (!isWellTyped(key)) throw refuse("mistyped", "This API key is mistyped or incomplete: its checksum is wrong.");
      sweep();
      const { entry } = state.byHash.get(hashOfApiKey(key)) ?? {};
      if (entry === undefined) throw refuse("unknown", notKnown);
      if ((entry.expires ?? Infinity) <= Date.now()) throw refuse("expired", "This API key has expired.");
      if (!isWithin(entry, address)) throw refuse("elsewhere", "This API key may not be used from this address.");
      state.outcomes.accepted++;
      state.lastUsed.set(entry.name, Date.now() / 1_000);
      return identityOf(entry);
    },
    isCurrent(identity) {
      if (identity.issuer !== apiKeyIssuer) return true;
      sweep();
      return [...state.byHash.values()].some(({ entry }) => isSame(identity, entry));
    },
    onShut(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sweep,
    problems: live.problems,
    close: live.close,
  };
}

function held({ keys }: ApiKeysFile): ReadonlyMap<string, Held> {
  return new Map(keys.map((entry) => [entry.hash, { entry, text: textOf(entry) }]));
}

/** What of an entry gives rights. */
function textOf({ addresses, ...entry }: ApiKeyEntry): string {
  return JSON.stringify([entry, addresses?.rules]);
}

const sessionPrefix = "key:";

/** A key is its own sign-in: it is revoked by its name. */
function sessionOf(name: string): string {
  return sessionPrefix + name;
}

function identityOf({ name, user, tenant, roles, scopes, created, expires = Infinity }: ApiKeyEntry): Identity {
  return {
    user: { id: user },
    issuer: apiKeyIssuer,
    tenant,
    roles,
    scopes,
    expiresAtMs: Math.min(expires, Date.now() + longestMs),
    session: sessionOf(name),
    tokenId: sessionOf(name),
    issuedAtMs: created,
  };
}

type Rights = Pick<Identity, "user" | "roles"> & Partial<Pick<Identity, "session" | "tenant" | "scopes">>;

function isSame(one: Rights, entry: ApiKeyEntry): boolean {
  const text = ({ session, user, tenant, roles, scopes }: Rights): string =>
    JSON.stringify([session, user.id, tenant, roles, scopes]);
  return text(one) === text(identityOf(entry));
}

/** Why a caller who came with a key may not stay; undefined: it may, or came with something else. */
function reasonOf({ file: { keys } }: State, caller: Caller | undefined): Shut["reason"] | undefined {
  // Of an issuer's token both names would have to be such a one.
  if (caller?.session === undefined || caller.session !== caller.credential?.id) return undefined;
  if (!caller.session.startsWith(sessionPrefix)) return undefined;
  const entry = keys.find(({ name }) => sessionOf(name) === caller.session);
  if (entry === undefined) return "key removed";
  return isSame(caller, entry) ? undefined : "key changed";
}

/** `address`: as limits count it, so that of IPv6 it may be a /64. */
function isWithin({ addresses }: ApiKeyEntry, address: string): boolean {
  if (addresses === undefined) return true;
  const [host = ""] = address.split("/", 1);
  const version = isIP(host);
  return version !== 0 && addresses.check(host, version === 4 ? "ipv4" : "ipv6");
}

export function addKeyMetrics(registry: Registry, { outcomes, lastUsed }: Pick<State, "outcomes" | "lastUsed">): void {
  addCounts(registry, {
    name: "parley_edge_api_keys_total",
    help: "API keys that were shown, by outcome: mistyped ones have a wrong checksum, those from elsewhere came from an address that is not among the key's.",
    label: "outcome",
    read: () => Object.entries(outcomes),
  });
  const used: Gauge = new Gauge({
    name: "parley_edge_api_key_last_used_timestamp_seconds",
    help: "When a key was shown to this edge the last time, by its name in the file.",
    labelNames: ["key"],
    registers: [registry],
    collect() {
      used.reset();
      for (const [key, seconds] of lastUsed) used.set({ key }, seconds);
    },
  });
}
