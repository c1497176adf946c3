import { hash, randomBytes } from "node:crypto";
import { ChatError, sharedKeyPrefixes } from "@parley/protocol";
import { z } from "zod";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import { TokenFault, type Identity } from "./identity.ts";
import { storedIdentity } from "./stored-identity.ts";

export interface SessionTimes {
  /** Without anything done by its user a sign-in ends after this. */
  readonly idleMs: number;
  /** And in any case after this. */
  readonly maxMs: number;
}

/** A sign-in as its user sees it. */
export interface SessionView {
  readonly id: string;
  readonly madeMs: number;
  readonly seenMs: number;
  readonly expiresMs: number;
  readonly address: string;
  readonly agent: string;
}

/** A sign-in that counts. */
export interface SignedIn {
  /** Its name: the hash of its cookie. */
  readonly id: string;
  readonly identity: Identity;
}

const Stored = z.object({
  identity: storedIdentity,
  madeMs: z.number(),
  seenMs: z.number(),
  address: z.string(),
  agent: z.string(),
});
type Stored = z.infer<typeof Stored>;

const prefix = sharedKeyPrefixes.sessions;
/** More devices than anybody has; the oldest sign-in ends. */
const maxPerUser = 50;
const maxAgentChars = 200;
/** How often it is written that a user did something. */
const touchEveryMs = 60_000;

export type Sessions = ReturnType<typeof createSessions>;

/**
 * The sign-ins of people at the page. A sign-in is a record in Redis under the hash of its cookie, so whoever reads Redis cannot be anybody; it ends by its absence. Each
 * method throws AUTH_UNAVAILABLE while Redis is away; when it has lost its data people sign in again.
 */
export function createSessions(store: Redis, times: SessionTimes) {
  const find = async (id: string): Promise<Stored | undefined> => current(await ask(store.get(keyOf(id))), times);

  /** Notes that its user was there; undefined: it has ended meanwhile, and must not come back by being written. */
  const touch = async (id: string): Promise<SignedIn | undefined> => {
    const found = await find(id);
    if (found === undefined) return undefined;
    const seen = { ...found, seenMs: Date.now() };
    const isThere = await ask(store.set(keyOf(id), JSON.stringify(seen), "PX", leftMs(seen, times), "XX"));
    return isThere === null ? undefined : signedIn(id, seen, times);
  };

  return {
    /** Returns the value of its cookie. */
    begin: (beginning: Beginning) => begin(store, times, beginning),

    /** Whose cookie it is; undefined: nobody's any more. `isActive`: its user does something. */
    async byCookie(cookie: string, isActive = true): Promise<SignedIn | undefined> {
      const id = nameOf(cookie);
      const found = await find(id);
      if (found === undefined) return undefined;
      return isActive && Date.now() - found.seenMs >= touchEveryMs ? touch(id) : signedIn(id, found, times);
    },

    touch,

    /** As it is now; undefined: it has ended. */
    async look(id: string): Promise<SignedIn | undefined> {
      const found = await find(id);
      return found === undefined ? undefined : signedIn(id, found, times);
    },

    /** All of a user, the newest first. */
    list: (userId: string) => list(store, times, userId),

    /** Ends one of a user. Returns whether there was such a one. */
    async end(userId: string, id: string): Promise<boolean> {
      const found = await find(id);
      if (found?.identity.user.id !== userId) return false;
      await run(store.multi().del(keyOf(id)).zrem(listOf(userId), id));
      return true;
    },

    async endAll(userId: string): Promise<void> {
      const ids = await ask(store.zrange(listOf(userId), 0, "-1"));
      await run(store.multi().del(listOf(userId), ...ids.map(keyOf)));
    },
  };
}

/** Who signs in, and from where. */
export interface Beginning {
  readonly identity: Identity;
  readonly address: string;
  readonly agent: string;
}

async function begin(store: Redis, times: SessionTimes, { identity, address, agent }: Beginning) {
  const cookie = randomBytes(32).toString("base64url");
  const id = nameOf(cookie);
  const nowMs = Date.now();
  const own = { ...identity, session: revocationName(id), tokenId: undefined, issuedAtMs: nowMs };
  const record: Stored = { identity: own, madeMs: nowMs, seenMs: nowMs, address, agent: agent.slice(0, maxAgentChars) };
  const users = listOf(identity.user.id);
  const ids = await ask(store.zrange(users, 0, "-1"));
  const tooMany = ids.slice(0, Math.max(0, ids.length + 1 - maxPerUser));
  const commands = store
    .multi()
    .set(keyOf(id), JSON.stringify(record), "PX", leftMs(record, times))
    .zremrangebyscore(users, "-inf", nowMs - times.maxMs)
    .zadd(users, nowMs, id)
    .pexpire(users, times.maxMs);
  if (tooMany.length > 0) commands.zrem(users, ...tooMany).del(...tooMany.map(keyOf));
  await run(commands);
  return { cookie, ...signedIn(id, record, times) };
}

async function list(store: Redis, times: SessionTimes, userId: string): Promise<SessionView[]> {
  const ids = await ask(store.zrange(listOf(userId), 0, "-1"));
  const texts = ids.length === 0 ? [] : await ask(store.mget(ids.map(keyOf)));
  return ids
    .flatMap((id, place) => {
      const found = current(texts[place] ?? null, times);
      return found === undefined || found.identity.user.id !== userId ? [] : [viewOf(id, found, times)];
    })
    .toReversed();
}

/** By which the gate knows a sign-in. */
export function revocationName(id: string): string {
  return `web:${id}`;
}

function nameOf(cookie: string): string {
  return hash("sha256", cookie, "base64url");
}

function keyOf(id: string): string {
  return `${prefix}one:${id}`;
}

/** A user's id may hold anything. */
function listOf(userId: string): string {
  return `${prefix}of:${hash("sha256", userId, "base64url")}`;
}

function endOf({ madeMs, seenMs }: Stored, { idleMs, maxMs }: SessionTimes): number {
  return Math.min(madeMs + maxMs, seenMs + idleMs);
}

function leftMs(stored: Stored, times: SessionTimes): number {
  return Math.max(1, Math.floor(endOf(stored, times) - Date.now()));
}

/** By the times as they are set now, which may be shorter than when it was written. */
function current(text: string | null, times: SessionTimes): Stored | undefined {
  if (text === null) return undefined;
  const stored = Stored.parse(JSON.parse(text));
  return endOf(stored, times) > Date.now() ? stored : undefined;
}

function signedIn(id: string, stored: Stored, times: SessionTimes): SignedIn {
  return { id, identity: { ...stored.identity, expiresAtMs: endOf(stored, times) } };
}

function viewOf(id: string, stored: Stored, times: SessionTimes): SessionView {
  const { madeMs, seenMs, address, agent } = stored;
  return { id, madeMs, seenMs, expiresMs: endOf(stored, times), address, agent };
}

async function run(commands: ReturnType<Redis["multi"]>): Promise<void> {
  const results = await ask(commands.exec());
  const failed = results?.find(([error]) => error !== null)?.[0];
  if (results === null || failed !== undefined) throw unavailable(failed);
}

function ask<T>(command: Promise<T>): Promise<T> {
  return command.catch((cause: unknown) => {
    throw unavailable(cause);
  });
}

function unavailable(cause: unknown): ChatError {
  return new ChatError("AUTH_UNAVAILABLE", {
    message: "Sign-ins cannot be looked up at the moment. Try again shortly.",
    cause: new TokenFault(`Redis: ${cause instanceof Error ? cause.message : "no answer"}`),
    retryAfterMs: 1_000,
  });
}
