import { createHash } from "node:crypto";
import { scopeOfRecord } from "./file-store-sealed.ts";

/** Where something is stored, as far as its seal is concerned. */
export interface SealPlace {
  /** Whose key: `c:` a conversation, `u:` a user's memory, `t:` a tenant, `f:` the bytes of a file, `n:` its record. */
  readonly scope: string;
  /** What the seal is bound to: the subject without its shard, a live copy's as the stored one's. */
  readonly place: Buffer;
  /** Plain bytes there may begin as sealed ones do; their readers know them by a hash. */
  readonly isRaw: boolean;
}

const live = "live";
const stored = "ev";
/** Kinds whose third token is the shard and the fourth one the conversation. */
const ofConversation = new Set([
  ...[stored, live, "fact", "log", "title", "feedback", "summary", "handover"],
  ...["people", "post", "change"],
]);

/** Whose key a subject is sealed with, behind `chat.<kind>.`; undefined: it has no words, or is wrapped already. */
function scopeOf(kind: string, tokens: readonly string[]): string | undefined {
  const [first = "", second = ""] = tokens;
  if (ofConversation.has(kind)) return `c:${second}`;
  if (kind === "turns") return `c:${first}`;
  if (kind === "memory") return `u:${first}`;
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
  return createHash("sha256").update(scope).digest("base64url");
}

/** In scopes and subjects: one token whatever the name holds. No hash is `_`, which is of no tenant. */
export function tenantToken(tenant: string | undefined): string {
  return tenant === undefined ? "_" : createHash("sha256").update(tenant).digest("base64url");
}
