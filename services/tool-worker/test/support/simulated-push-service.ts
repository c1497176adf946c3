import { webcrypto } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "@parley/testkit";
import { z } from "zod";

/**
 * A simulated push service: it takes messages over real HTTP as RFC 8030 says, checks who sends (RFC 8292), and opens them with the keys of the browser (RFC 8291), by
 * WebCrypto and by nothing of the code that seals.
 */

const { subtle } = webcrypto;
const Shown = z.looseObject({ v: z.number(), id: z.string(), type: z.string() });

export interface Pushed {
  readonly device: string;
  readonly headers: IncomingMessage["headers"];
  /** Undefined: the sender is nobody that may send to this service. */
  readonly by: { readonly key: string; readonly subject: string } | undefined;
  readonly shown: z.infer<typeof Shown>;
}

export interface SimulatedDevice {
  readonly name: string;
  /** As a browser says it of itself. */
  readonly subscription: {
    readonly endpoint: string;
    readonly keys: { readonly p256dh: string; readonly auth: string };
  };
}

type Keys = Awaited<ReturnType<typeof makeKeys>>;

export type SimulatedPushService = Awaited<ReturnType<typeof startSimulatedPushService>>;

export async function startSimulatedPushService() {
  const devices = new Map<string, Keys>();
  const pushed: Pushed[] = [];
  /** By device, else for all: what is answered. 0: nothing, ever. */
  const state: { answer: number; of: Map<string, number> } = { answer: 201, of: new Map() };
  const server = createServer((request, response) => {
    void take(request).then((status) => {
      if (status === 307) response.setHeader("location", "/send/elsewhere");
      if (status !== 0) response.writeHead(status).end();
    });
  });
  const take = async (request: IncomingMessage): Promise<number> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(z.instanceof(Buffer).parse(chunk));
    const device = /^\/send\/([\w-]+)$/.exec(request.url ?? "")?.[1] ?? "";
    const keys = devices.get(device);
    if (request.method !== "POST" || keys === undefined) return 404;
    const by = await senderOf(String(request.headers.authorization), origin).catch(() => undefined);
    const shown = Shown.parse(JSON.parse(await opened(Buffer.concat(chunks), keys)));
    pushed.push({ device, headers: request.headers, by, shown });
    return state.of.get(device) ?? (by === undefined ? 403 : state.answer);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const to = (device: string): Pushed[] => pushed.filter((one) => one.device === device);
  return {
    origin,
    state,
    to,
    async device(name: string): Promise<SimulatedDevice> {
      const keys = await makeKeys();
      devices.set(name, keys);
      const { p256dh, auth } = keys;
      return { name, subscription: { endpoint: `${origin}/send/${name}`, keys: { p256dh, auth } } };
    },
    forget: (name: string): void => void devices.delete(name),
    until: async (device: string, count = 1, timeoutMs = 20_000): Promise<Pushed[]> => {
      await eventually(() => to(device).length >= count, { what: `${count} messages to ${device}`, timeoutMs });
      return to(device);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function makeKeys() {
  const pair = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const auth = webcrypto.getRandomValues(Buffer.alloc(16));
  const p256dh = Buffer.from(await subtle.exportKey("raw", pair.publicKey)).toString("base64url");
  return { privateKey: pair.privateKey, p256dh, auth: auth.toString("base64url") };
}

const Claims = z.object({ aud: z.string(), exp: z.number(), sub: z.string() });

/** Who has signed the token, by the key that comes with it. Undefined: nobody, or for another service, or for too long. */
export async function senderOf(authorization: string, audience: string) {
  const [, signed = "", claims = "", signature = "", key = ""] =
    /^vapid t=([\w-]+\.([\w-]+))\.([\w-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  const how = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const verifying = await subtle.importKey("raw", Buffer.from(key, "base64url"), how, false, ["verify"]);
  const isSigned = await subtle.verify(how, verifying, Buffer.from(signature, "base64url"), Buffer.from(signed));
  const { aud, exp, sub } = Claims.parse(JSON.parse(Buffer.from(claims, "base64url").toString()));
  const leftS = exp - Date.now() / 1_000;
  return isSigned && aud === audience && leftS > 0 && leftS <= 86_400 ? { key, subject: sub } : undefined;
}

async function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Promise<Uint8Array> {
  const key = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 8 * bytes));
}

/** The text of one record that is the last one. */
async function opened(body: Buffer, { privateKey, p256dh, auth }: Keys): Promise<string> {
  const salt = body.subarray(0, 16);
  const length = body.readUInt8(20);
  const sender = body.subarray(21, 21 + length);
  const theirs = await subtle.importKey("raw", sender, { name: "ECDH", namedCurve: "P-256" }, true, []);
  const shared = new Uint8Array(await subtle.deriveBits({ name: "ECDH", public: theirs }, privateKey, 256));
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), Buffer.from(p256dh, "base64url"), sender]);
  const secret = await hkdf(shared, Buffer.from(auth, "base64url"), info, 32);
  const key = await hkdf(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const iv = await hkdf(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
  const aes = await subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const plain = Buffer.from(await subtle.decrypt({ name: "AES-GCM", iv }, aes, body.subarray(21 + length)));
  if (plain.at(-1) !== 2) throw new Error("this record is not the last one");
  return plain.subarray(0, -1).toString();
}
