import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { MasterKeys, WrapPlace, Wrapped } from "./master-keys.ts";

export interface TransitOptions {
  /** Such as `https://vault:8200`. */
  readonly url: string;
  /** Asked each time: agents of such services renew it in a file. */
  readonly token: () => Promise<string>;
  /** Where the engine is mounted. */
  readonly mount: string;
  /** Name of its key; `{tenant}` in it is the tenant's id, or `default`. */
  readonly key: string;
  readonly log: Logger;
}

const answerMs = 5_000;
const scheme = "transit:";
/** How long it is believed which version of a key counts. */
const versionKeptMs = 60_000;

const Encrypted = z.object({ data: z.object({ ciphertext: z.string() }) });
const Decrypted = z.object({ data: z.object({ plaintext: z.base64() }) });

function versionOf(ciphertext: string): string {
  return ciphertext.split(":", 2).join(":");
}

/** One question. Says of a failure the status alone: answers may hold what was asked. */
function createAsking({ url, token, mount }: TransitOptions) {
  return async <Schema extends z.ZodType>(path: string, body: object, schema: Schema): Promise<z.output<Schema>> => {
    const response = await fetch(`${url.replace(/\/+$/, "")}/v1/${mount}/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-vault-token": await token() },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerMs),
      redirect: "error",
    });
    if (!response.ok) throw new Error(`the service of keys answered ${response.status}`);
    return schema.parse(await response.json());
  };
}

/**
 * Master keys of a service that never gives them out, over HTTP in the shape of the transit engine of Vault and OpenBao. Each data key that a process meets is one
 * question; what it answered is kept by `createDataKeys`.
 */
export function createTransitKeys(options: TransitOptions): MasterKeys {
  const { log } = options;
  const ask = createAsking(options);
  const versions = new Map<string, { readonly version: string; readonly askedMs: number }>();
  let failing: string | undefined;

  const nameOf = ({ tenant }: WrapPlace): string => options.key.replaceAll("{tenant}", tenant ?? "default");
  const bound = ({ tenant, hash }: WrapPlace) => ({
    associated_data: Buffer.from(JSON.stringify([tenant ?? null, hash])).toString("base64"),
  });
  const watched = async <T>(asking: Promise<T>): Promise<T> => {
    try {
      const answer = await asking;
      if (failing !== undefined) log.warn("the service of keys answers again");
      failing = undefined;
      return answer;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (failing === undefined) log.error({ reason }, "the service of keys cannot be used");
      failing = reason;
      throw error;
    }
  };
  const encrypt = async (secret: Buffer, place: WrapPlace): Promise<Wrapped> => {
    const name = nameOf(place);
    const body = { plaintext: secret.toString("base64"), ...bound(place) };
    const { data } = await watched(ask(`encrypt/${encodeURIComponent(name)}`, body, Encrypted));
    versions.set(name, { version: versionOf(data.ciphertext), askedMs: performance.now() });
    return { master: `${scheme}${name}`, wrapped: data.ciphertext };
  };

  return {
    wrap: encrypt,
    async unwrap({ master, wrapped }, place) {
      if (!master.startsWith(scheme)) return undefined;
      const body = { ciphertext: wrapped, ...bound(place) };
      const name = encodeURIComponent(master.slice(scheme.length));
      const { data } = await watched(ask(`decrypt/${name}`, body, Decrypted));
      return Buffer.from(data.plaintext, "base64");
    },
    async isCurrent({ master, wrapped }, place) {
      const name = nameOf(place);
      if (master !== `${scheme}${name}`) return false;
      const known = versions.get(name);
      const isYoung = known !== undefined && performance.now() - known.askedMs < versionKeptMs;
      // The service says its newest version with everything that it encrypts.
      if (!isYoung) await encrypt(Buffer.alloc(1), place);
      return versions.get(name)?.version === versionOf(wrapped);
    },
    problems: () => (failing === undefined ? [] : [`The service of keys cannot be used: ${failing}.`]),
    close() {},
  };
}
