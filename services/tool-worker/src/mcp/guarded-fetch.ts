import { lookup as lookUp, type LookupAddress, type LookupOptions } from "node:dns";
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { rootCertificates } from "node:tls";
import type { FetchLike } from "@modelcontextprotocol/client";
import { sleep, StartError } from "@parley/runtime";
import { Agent, fetch as fetchBy } from "undici";
import { createBodyMeter, createMessageRate, type MessageRate } from "./stream-bounds.ts";

export interface GuardedFetchOptions {
  /** Whether it may be an address within our own network. */
  readonly privateAddresses: boolean;
  /** Authorities beside those that Node knows, in PEM. */
  readonly caFile: string | undefined;
  /** Until the head of an answer is there. */
  readonly answerMs: number;
  readonly messageBytes: number;
  readonly messagesPerSecond: number;
}

export interface GuardedFetch {
  readonly fetch: FetchLike;
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;

type Ranges = readonly (readonly [net: string, bits: number])[];

/** Two lists, as one of both families takes each IPv4 address for one written as IPv6. */
function rangesOf(ipv4: Ranges, ipv6: Ranges): (address: string) => boolean {
  const [four, six] = [new BlockList(), new BlockList()];
  for (const [net, bits] of ipv4) four.addSubnet(net, bits, "ipv4");
  for (const [net, bits] of ipv6) six.addSubnet(net, bits, "ipv6");
  return (address) => (isIP(address) === 6 ? six.check(address, "ipv6") : four.check(address, "ipv4"));
}

/** Metadata services of clouds answer here with credentials: never the address of a server. */
const isLinkLocal = rangesOf(
  [["169.254.0.0", 16]],
  [
    ["fe80::", 10],
    ["::ffff:169.254.0.0", 112],
  ],
);
/** IANA's special-purpose registries: this machine, private networks, shared and test ranges, multicast; and IPv4 written as IPv6. */
const isSpecial = rangesOf(
  [
    ...([
      ["0.0.0.0", 8],
      ["10.0.0.0", 8],
      ["100.64.0.0", 10],
      ["127.0.0.0", 8],
      ["172.16.0.0", 12],
    ] as const),
    ...([
      ["192.0.0.0", 24],
      ["192.168.0.0", 16],
      ["198.18.0.0", 15],
      ["224.0.0.0", 4],
      ["240.0.0.0", 4],
    ] as const),
  ],
  [
    ["::", 127],
    ["fc00::", 7],
    ["ff00::", 8],
    ["64:ff9b::", 96],
    ["::ffff:0.0.0.0", 96],
  ],
);

/** Undefined: a server may be there. */
export function addressProblem(address: string, privateAddresses: boolean): string | undefined {
  if (isLinkLocal(address)) return `${address} is a link-local address`;
  if (privateAddresses || !isSpecial(address)) return undefined;
  return `${address} is not a public address, and private_addresses is not set`;
}

/**
 * A fetch for one server. Names are looked up and judged where the connection is made, so a name that changes its address in between is judged as well. Redirects are
 * left to the caller, who follows them within the origin only.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { privateAddresses, answerMs } = options;
  const rate = createMessageRate(options.messagesPerSecond);
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_MS, lookup: guardedLookup(privateAddresses), ...authorities(options.caFile) },
    headersTimeout: answerMs,
    // A stream of events may be silent for hours; calls have a time of their own.
    bodyTimeout: 0,
    connections: 32,
  });
  return {
    async fetch(url, init = {}) {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
      const problem = isIP(host) === 0 ? undefined : addressProblem(host, privateAddresses);
      if (problem !== undefined) throw new Error(problem);
      const { method = "GET", body, signal, redirect } = init;
      const sent = bodyOf(body);
      const response = await fetchBy(url, {
        method,
        headers: Object.fromEntries(new Headers(init.headers)),
        ...{ redirect: redirect ?? "manual", dispatcher },
        ...(sent && { body: sent }),
        ...(signal && { signal }),
      });
      return bounded(response, options.messageBytes, rate);
    },
    close: () => dispatcher.destroy(),
  };
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null || typeof body === "string") return body ?? undefined;
  if (body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError("Only text and bytes are sent.");
}

function authorities(file: string | undefined): { ca?: string[] } {
  if (file === undefined) return {};
  try {
    return { ca: [...rootCertificates, readFileSync(file, "utf8")] };
  } catch (cause) {
    throw new StartError(`The authorities of an MCP server, ${file}, cannot be read.`, { cause });
  }
}

type LookupCallback = (error: Error | null, addresses: LookupAddress[]) => void;

function guardedLookup(privateAddresses: boolean) {
  return (host: string, options: LookupOptions, callback: LookupCallback): void => {
    lookUp(host, { ...options, all: true }, (error, addresses) => {
      const problem = addresses?.map(({ address }) => addressProblem(address, privateAddresses)).find(Boolean);
      if (error === null && problem !== undefined) callback(new Error(`${host} leads to ${problem}`), []);
      else callback(error, addresses);
    });
  };
}

type Answer = Awaited<ReturnType<typeof fetchBy>>;

function bounded({ status, statusText, headers, body }: Answer, maxBytes: number, rate: MessageRate): Response {
  const isEventStream = headers.get("content-type")?.includes("text/event-stream") === true;
  const init = { status, statusText, headers: [...headers] };
  if (body === null || [101, 204, 205, 304].includes(status)) return new Response(null, init);
  const meter = createBodyMeter(isEventStream);
  const gate = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      const { ended, openBytes } = meter.push(chunk);
      if (openBytes > maxBytes) throw new Error(`The server sent a message of more than ${maxBytes} bytes.`);
      controller.enqueue(chunk);
      // Nothing more is read meanwhile, so it is the server that waits.
      const waitMs = rate.take(ended);
      if (waitMs > 0) await sleep(waitMs);
    },
  });
  return new Response(body.pipeThrough(gate), init);
}
