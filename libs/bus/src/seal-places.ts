import { createHash } from "node:crypto";
import { fileOriginOf, toolKeyMark } from "@parley/protocol";

/** Of what is written where things are sealed. */
export interface SealOptions {
  /** Of whose tenant the key is to be, where this is the first that is sealed with it. Default: as the conversation's owner record says. */
  readonly tenant?: string | undefined;
  /** It has no words, and stands where a key is no more: it is not sealed. */
  readonly isPlain?: boolean | undefined;
  /** What stands there may be from before anything was sealed: without a key it stays plain where who writes may make none. */
  readonly mayStayPlain?: boolean | undefined;
}

/** Where something is stored, as far as its seal is concerned. */
export interface SealPlace {
  /** Whose key: `c:` a conversation, `u:` a user's memory, or what they want to be told, `t:` a tenant, `f:` the bytes of a file, `n:` its record. */
  readonly scope: string;
  /** What the seal is bound to: the subject without its shard, a live copy's as the stored one's. */
  readonly place: Buffer;
  /** Plain bytes there may begin as sealed ones do; their readers know them by a hash. */
  readonly isRaw: boolean;
}

/** Of the bytes of a file. Its record has another key, so that the bytes can go before what says where they are. */
export const scopeOfBytes = (file: string): string => `f:${file}`;
export const scopeOfRecord = (file: string): string => `n:${file}`;
/** Of what one user has in one stream, by the token of its subject: a hash of their name, in memories with their tenant. */
export const scopeOfUser = (token: string): string => `u:${token}`;

const live = "live";
const stored = "ev";
/** Kinds of which each user has one, under a hash of their name. */
const ofUser = new Set(["memory", "notices"]);
/** Kinds whose third token is the shard and the fourth one the conversation. */
const ofConversation = new Set([
  ...[stored, live, "fact", "log", "title", "feedback", "summary", "handover"],
  ...["people", "post", "change", "read"],
]);

/** Whose key a subject is sealed with, behind `chat.<kind>.`; undefined: it has no words, or is wrapped already. */
function scopeOf(kind: string, tokens: readonly string[]): string | undefined {
  const [first = "", second = ""] = tokens;
  if (ofConversation.has(kind)) return `c:${second}`;
  if (kind === "turns") return `c:${first}`;
  if (ofUser.has(kind)) return scopeOfUser(first);
  if (kind === "document") return `t:${first}`;
  // What concerns the deployment has no tenant.
  if (kind === "audit") return first === "admin" ? "t:_" : `t:${second}`;
  if (kind === "workshop") return first === "id" ? undefined : `t:${second}`;
  if (kind === "file") return scopeOfRecord(second);
  return undefined;
}

function placeOfSubject(subject: string): SealPlace | undefined {
  const [root, kind = "", ...tokens] = subject.split(".");
  const scope = root === "chat" ? scopeOf(kind, tokens) : undefined;
  if (scope === undefined) return undefined;
  const rest = ofConversation.has(kind) ? tokens.slice(1) : tokens;
  const place = Buffer.from([kind === live ? stored : kind, ...rest].join("."));
  return { scope, place, isRaw: kind === "document" && tokens[1] === "part" };
}

/** Subjects come again and again while a turn runs. */
const mostKnown = 4_096;

/** The place of a subject; undefined: what is stored there is not sealed. */
export function createSealPlaces(): (subject: string) => SealPlace | undefined {
  const known = new Map<string, SealPlace | undefined>();
  return (subject) => {
    const found = known.get(subject);
    if (found !== undefined || known.has(subject)) return found;
    const place = placeOfSubject(subject);
    if (known.size >= mostKnown) known.clear();
    known.set(subject, place);
    return place;
  };
}

/** Under what the key of a scope is stored. */
export function hashOfScope(scope: string): string {
  const hash = createHash("sha256").update(scope).digest("base64url");
  return isOfTool(scope) ? `${toolKeyMark}${hash}` : hash;
}

/** Of a file that a tool gives back. */
export function isOfTool(scope: string): boolean {
  return ofFile.test(scope) && fileOriginOf(scope.slice(2)) === "tool";
}

const ofFile = /^[fn]:file_/;

/** In scopes and subjects: one token whatever the name holds. No hash is `_`, which is of no tenant. */
export function tenantToken(tenant: string | undefined): string {
  return tenant === undefined ? "_" : createHash("sha256").update(tenant).digest("base64url");
}
