import { calculateJwkThumbprint, type JWK } from "jose";
import { z } from "zod";

/** The public keys of an issuer, as it has published them. */
export interface PublishedKeys {
  readonly keys: readonly JWK[];
  /** What each key is, whatever it is called. */
  readonly thumbprints: ReadonlySet<string>;
}

export interface KeySetRequest {
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Large sets have some 20 keys of half a kilobyte; what is beyond this is no set of keys. */
const maxResponseBytes = 256 * 1024;
const maxKeys = 100;

const Response = z.object({ keys: z.array(z.unknown()).max(maxKeys) });

/**
 * What can check a signature and cannot make one: with a symmetric or private key that stands on a page for all, everybody could sign, so such an entry is passed over.
 * Other entries that cannot be read are too: an issuer may have keys of kinds that are not known here.
 */
const PublicKey = z
  .looseObject({
    kty: z.enum(["RSA", "EC", "OKP"]),
    kid: z.string().max(1_024).optional(),
    alg: z.string().optional(),
    use: z.string().optional(),
    key_ops: z.array(z.string()).optional(),
    crv: z.string().optional(),
    n: z.string().optional(),
    e: z.string().optional(),
    x: z.string().optional(),
    y: z.string().optional(),
  })
  .refine((key) => !("d" in key) && !("k" in key));

/** Asks an issuer for its keys once. Throws an Error whose message says in words what was wrong; it quotes nothing of the answer. */
export async function requestKeys({ url, timeoutMs, signal }: KeySetRequest): Promise<PublishedKeys> {
  const response = await fetch(url, {
    headers: { accept: "application/json, application/jwk-set+json" },
    // Not followed: elsewhere could be without TLS, or within the own network. It is a status like others.
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  }).catch((cause: unknown) => {
    throw new Error(isTimeout(cause) ? "it did not answer in time" : "it cannot be reached", { cause });
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it answers with status ${response.status}`);
  }
  return readKeys(await readBody(response));
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "TimeoutError";
}

/** The time that the request has counts for the body too. */
async function readBody(response: globalThis.Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    const body: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the rest.
      if (bytes > maxResponseBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new Error(isTimeout(cause) ? "it did not answer in time" : "its answer broke off", { cause });
  }
  if (bytes > maxResponseBytes) throw new Error(`its answer is larger than ${maxResponseBytes} bytes`);
  return Buffer.concat(chunks).toString("utf8");
}

async function readKeys(text: string): Promise<PublishedKeys> {
  const published = Response.safeParse(parseJson(text));
  if (!published.success) throw new Error("its answer is no set of keys");
  const read = await Promise.all(published.data.keys.map(readKey));
  const usable = read.filter((key) => key !== undefined);
  if (usable.length === 0) throw new Error("there is no usable key in its answer");
  return {
    keys: usable.map(({ key }) => key),
    thumbprints: new Set(usable.map(({ thumbprint }) => thumbprint)),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readKey(entry: unknown): Promise<{ key: JWK; thumbprint: string } | undefined> {
  const parsed = PublicKey.safeParse(entry);
  if (!parsed.success || (parsed.data.use !== undefined && parsed.data.use !== "sig")) return undefined;
  const { kty, kid, alg, key_ops, crv, n, e, x, y } = parsed.data;
  const fields = Object.entries({ kid, alg, key_ops, crv, n, e, x, y }).filter(([, value]) => value !== undefined);
  const key: JWK = { kty, ...Object.fromEntries(fields) };
  try {
    return { key, thumbprint: await calculateJwkThumbprint(key) };
  } catch {
    return undefined;
  }
}
