import { pickNumber, pickOne } from "../fixed-random.ts";
import { type Json, textAt, at } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";

/** What the kubelet would have kept before it rotates the file. */
const MAX_LINES = 5_000;

type LogStyle = "web" | "queue" | "metrics" | "dns" | "proxy" | "work";

/** How far apart lines of a serving container are, on average. */
const PERIOD_MS: Readonly<Record<LogStyle, number>> = {
  web: 1_700,
  queue: 2_300,
  metrics: 15_000,
  dns: 6_100,
  proxy: 31_000,
  work: 500,
};

/** What a program writes, by a part of its image's name. */
const STYLES: readonly (readonly [RegExp, LogStyle])[] = [
  [/coredns/, "dns"],
  [/kube-proxy/, "proxy"],
  [/metrics|prometheus/, "metrics"],
  [/\/cart:/, "queue"],
  [/cleanup|job|migrate/, "work"],
];

export type LogLine = { atMs: number; text: string };

/** Which of the newest lines are wanted; each limit may be missing. */
export type LogWindow = { tailLines?: number | undefined; sinceMs?: number | undefined };

/** The lines of a container that are there at one moment, oldest first; the same for the same moment. */
export function containerLog(pod: KubeObject, status: Json, nowMs: number, window: LogWindow): LogLine[] {
  return inWindow(writtenLines(pod, status, nowMs, window), window);
}

function inWindow(lines: LogLine[], { tailLines, sinceMs = 0 }: LogWindow): LogLine[] {
  const recent = lines.filter((line) => line.atMs >= sinceMs);
  return tailLines === undefined ? recent : recent.slice(Math.max(0, recent.length - tailLines));
}

function timeAt(value: Json, ...path: string[]): number | undefined {
  const text = textAt(value, ...path);
  return text === undefined ? undefined : Date.parse(text);
}

function writtenLines(pod: KubeObject, status: Json, nowMs: number, window: LogWindow): LogLine[] {
  const hasCrashed =
    at(status, "lastState", "terminated") !== undefined ||
    textAt(status, "state", "waiting", "reason") === "CrashLoopBackOff";
  const startedMs = timeAt(status, "state", "running", "startedAt");
  if (startedMs !== undefined) {
    if (hasCrashed || isCrashing(status)) return crashLines(status, startedMs).filter((line) => line.atMs <= nowMs);
    return servingLines(pod, status, { startedMs, nowMs, ...window });
  }
  const endedMs = timeAt(status, "state", "terminated", "finishedAt");
  if (endedMs !== undefined)
    return servingLines(pod, status, {
      startedMs: timeAt(status, "state", "terminated", "startedAt") ?? endedMs,
      nowMs: endedMs,
      ...window,
    });
  // A container that waits for its restart still shows what its last run wrote.
  return previousLines(status) ?? [];
}

/** The first run of a program that will crash looks as any other. */
function isCrashing(status: Json): boolean {
  return /\/checkout:/.test(textAt(status, "image") ?? "") && at(status, "started") === false;
}

function previousLines(status: Json): LogLine[] | undefined {
  const startedMs = timeAt(status, "lastState", "terminated", "startedAt");
  return startedMs === undefined ? undefined : crashLines(status, startedMs);
}

/** The lines of the run before, or undefined when there was none. */
export function previousLog(status: Json, window: LogWindow): LogLine[] | undefined {
  const lines = previousLines(status);
  return lines === undefined ? undefined : inWindow(lines, window);
}

type Script = readonly (readonly [number, string])[];

const CHECKOUT_SCRIPT: Script = [
  [0, '{"level":"info","msg":"checkout 3.0.0 is starting"}'],
  [400, '{"level":"info","msg":"reading the configuration"}'],
  [900, '{"level":"warn","msg":"PAYMENT_GATEWAY_URL is empty, retrying in 2 s"}'],
  [2_900, "Error: the environment variable PAYMENT_GATEWAY_URL is not set"],
  [2_900, "    at readConfig (/app/dist/config.js:41:11)"],
  [2_900, "    at main (/app/dist/main.js:12:18)"],
  [2_950, '{"level":"fatal","msg":"stopping with exit code 1"}'],
];
const OTHER_SCRIPT: Script = [
  [0, '{"level":"info","msg":"starting"}'],
  [1_500, '{"level":"info","msg":"working"}'],
  [2_950, '{"level":"fatal","msg":"stopping with an error"}'],
];

function crashLines(status: Json, startedMs: number): LogLine[] {
  const script = /\/checkout:/.test(textAt(status, "image") ?? "") ? CHECKOUT_SCRIPT : OTHER_SCRIPT;
  return script.map(([offsetMs, text]) => ({ atMs: startedMs + offsetMs, text }));
}

/** Makes only lines that can be in the window: a log of nine days has far more. */
function servingLines(
  pod: KubeObject,
  status: Json,
  span: LogWindow & { startedMs: number; nowMs: number },
): LogLine[] {
  const { startedMs, nowMs, tailLines = MAX_LINES, sinceMs = 0 } = span;
  const image = textAt(status, "image") ?? "";
  const style = STYLES.find(([pattern]) => pattern.test(image))?.[1] ?? "web";
  const periodMs = PERIOD_MS[style];
  const count = Math.max(0, Math.floor((nowMs - startedMs) / periodMs));
  const first = Math.max(0, count - Math.min(MAX_LINES, tailLines), Math.floor((sinceMs - startedMs) / periodMs));
  return Array.from({ length: Math.max(0, count - first) }, (_, offset) => {
    const index = first + offset;
    const seed = `${pod.metadata.uid}/${textAt(status, "name") ?? ""}/${index}`;
    const atMs = startedMs + index * periodMs + pickNumber(`${seed}/t`, periodMs);
    return { atMs, text: WRITERS[style](seed, index) };
  });
}

const PATHS = ["/", "/products", "/products/17", "/cart", "/search?q=lamp", "/healthz"] as const;

const WRITERS: Readonly<Record<LogStyle, (seed: string, index: number) => string>> = {
  web: (seed) => {
    const slow = pickNumber(`${seed}/slow`, 40) === 0;
    const tookMs = slow ? 900 + pickNumber(seed, 900) : 3 + pickNumber(seed, 60);
    return `${slow ? "WARN slow request" : "INFO request"} method=GET path=${pickOne(seed, PATHS)} status=200 duration_ms=${tookMs}`;
  },
  queue: (seed, index) =>
    index % 50 === 0
      ? "INFO connected to postgres://cart:simulated-password@db.shop:5432/cart"
      : `INFO cart updated cart_id=c-${1000 + pickNumber(seed, 9000)} items=${1 + pickNumber(`${seed}/n`, 6)}`,
  metrics: (seed) => `level=info msg="scrape finished" targets=14 failed=1 duration_ms=${80 + pickNumber(seed, 90)}`,
  dns: (seed) =>
    `[INFO] 10.244.0.${2 + pickNumber(seed, 250)}:53 - "A IN cart.shop.svc.cluster.local. udp" NOERROR 0.000${100 + pickNumber(seed, 800)}s`,
  proxy: (seed) => `I proxier.go] "Syncing rules finished" elapsed="${5 + pickNumber(seed, 30)}ms"`,
  work: (seed, index) => `INFO step ${index + 1} done rows=${pickNumber(seed, 500)}`,
};
