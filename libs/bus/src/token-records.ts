import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import { encodeJson, parseStored } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { z } from "zod";
import type { SealedTokens } from "./sealed-tokens.ts";

const Connection = z.object({
  /** Another one each time that somebody connects: it may be another account. */
  id: z.string(),
  /** When, ms since 1970. */
  sinceMs: z.number(),
});

const Sealed = z.object({
  access: z.string(),
  /** Used up by its first use, with servers that rotate them. */
  refresh: z.string().optional(),
  /** When it is to be refreshed, by the clock of whoever got it, ms since 1970; absent: when it is refused. */
  expiresAt: z.number().optional(),
  /** Of a person's own account. */
  connection: Connection.optional(),
});
export type Tokens = Readonly<z.infer<typeof Sealed>>;

const Stored = z.object({
  v: z.literal(1),
  /** Of tokens, sealed; absent: there are none, or they were forgotten. */
  sealed: z.string().optional(),
  /** Who refreshes them at present. */
  lock: z.string().optional(),
});
type Stored = z.infer<typeof Stored>;

/** What is stored of one grant. */
export interface KeptTokens {
  readonly seq: number;
  /** Somebody refreshes them. */
  readonly isLocked: boolean;
  readonly tokens: Tokens | undefined;
  /** As it stands there, whoever can open it. */
  readonly sealed: string | undefined;
}

/** The tokens of one grant, sealed. Each write is behind what was read: undefined or false where somebody else was first. */
export interface TokenRecords {
  read(): Promise<KeptTokens>;
  lock(kept: KeptTokens): Promise<number | undefined>;
  unlock(kept: KeptTokens, locked: number): Promise<void>;
  /** Holds on through broker trouble: what the endpoint gave out it gives out once. */
  store(tokens: Tokens, behind: number): Promise<boolean>;
  forget(behind: number): Promise<boolean>;
}

export interface TokenRecordsDeps {
  readonly records: SealedTokens;
  /** 32 bytes, the same for all processes that share them: nobody else can read what is stored. */
  readonly key: Buffer;
}

const storeTries = 5;
const retryMs = 100;
const ivBytes = 12;
const tagBytes = 16;

/** `of`: what the tokens are for; it is part of the seal. */
export function createTokenRecords({ records, key }: TokenRecordsDeps, of: string): TokenRecords {
  const hash = createHash("sha256").update(of).digest("base64url");
  const put = (stored: Stored, behind: number): Promise<number | undefined> =>
    records.put(hash, encodeJson(stored), behind);
  const sealedIn = ({ sealed }: KeptTokens): Pick<Stored, "sealed"> => (sealed === undefined ? {} : { sealed });
  return {
    async read() {
      const last = await records.last(hash);
      const stored = last === undefined ? undefined : Stored.safeParse(parseStored(last.data)).data;
      const text = stored?.sealed === undefined ? undefined : openText(stored.sealed, key, of);
      const tokens = text === undefined ? undefined : Sealed.safeParse(JSON.parse(text)).data;
      return { seq: last?.seq ?? 0, isLocked: stored?.lock !== undefined, tokens, sealed: stored?.sealed };
    },
    lock: (kept) => put({ v: 1, ...sealedIn(kept), lock: randomUUID() }, kept.seq),
    unlock: async (kept, locked) => void (await put({ v: 1, ...sealedIn(kept) }, locked)),
    async store(tokens, behind) {
      const stored: Stored = { v: 1, sealed: sealText(JSON.stringify(tokens), key, of) };
      for (let tries = 1; ; tries++) {
        try {
          return (await put(stored, behind)) !== undefined;
        } catch (error) {
          if (tries === storeTries) throw error;
          await sleep(retryMs * 2 ** tries);
        }
      }
    },
    forget: async (behind) => (await put({ v: 1 }, behind)) !== undefined,
  };
}

/** When tokens of such a life are to be refreshed, ms since 1970: the call that uses them takes time as well; of those that do not last long, a tenth before their end. */
export function refreshAtOf(lifeMs: number): number {
  return Date.now() + lifeMs - Math.min(30_000, lifeMs / 10);
}

/** Where and whose a person's account is: tokens that were got for one server, or at one endpoint, are never used at another one of that name. */
export interface ConnectedAccount {
  readonly server: string;
  readonly url: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly user: string;
  readonly tenant: string | undefined;
}

/** What its tokens are for, as edges and tool workers name it. */
export function connectionName({ server, url, tokenUrl, clientId, user, tenant }: ConnectedAccount): string {
  return `connection:${JSON.stringify([server, url, tokenUrl, clientId, tenant ?? null, user])}`;
}

/** AES-256-GCM, bound to what it is for: moved to another place it cannot be opened. Base64. */
export function sealText(text: string, key: Buffer, of: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(of));
  const body = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64");
}

/** Undefined: it was sealed with another key, for something else, or by somebody else; it counts as if there were none. */
export function openText(sealed: string, key: Buffer, of: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < ivBytes + tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes)).setAAD(Buffer.from(of));
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
