import { sleep } from "@parley/runtime";
import type { Cluster } from "./cluster.ts";
import { pathOf } from "./kube-api.ts";
import type { LogSource } from "./log-sources.ts";
import { builtInKind } from "./built-in-kinds.ts";

/** What is read of a log at most. The server cuts at the *newest* end, which is the part that matters, so fewer lines are asked for then. */
const READ_BYTES = 4 * 1024 * 1024;
/** Before only the last line is asked for. */
const MAX_READS = 4;

export interface LogQuery {
  readonly namespace: string;
  readonly previous: boolean;
  readonly sinceSeconds?: number | undefined;
  readonly sinceTime?: string | undefined;
  /** So many of the last lines. */
  readonly lines: number;
}

export interface ReadLog {
  readonly text: string;
  /** Older lines that were asked for are not in it, because all were too large to be read. */
  readonly isShort: boolean;
  /** The newest line goes on. */
  readonly isCut: boolean;
}

export async function readLog(
  cluster: Cluster,
  source: LogSource,
  query: LogQuery & { signal: AbortSignal },
): Promise<ReadLog> {
  for (let tailLines = query.lines, reads = 1; ; reads++) {
    const { text, isCut } = await readOnce(cluster, source, { ...query, tailLines });
    if (!isCut || tailLines === 1) return { text, isCut, isShort: tailLines < query.lines };
    const whole = text.split("\n").length - 1;
    tailLines = reads < MAX_READS ? Math.max(1, Math.min(tailLines - 1, Math.floor(whole / 2))) : 1;
  }
}

type OneRead = LogQuery & { readonly tailLines?: number; readonly timestamps?: boolean; readonly signal: AbortSignal };

function readOnce(
  { reader }: Cluster,
  { pod, container }: LogSource,
  { namespace, previous, sinceSeconds, sinceTime, tailLines, timestamps, signal }: OneRead,
): Promise<{ text: string; isCut: boolean }> {
  return reader.text({
    path: pathOf(builtInKind("Pod"), { namespace, name: pod, subresource: "log" }),
    query: {
      ...{ container, sinceSeconds, sinceTime, tailLines, limitBytes: READ_BYTES + 1 },
      // Left out where they are not wanted: a server that does not know one of them refuses it.
      previous: previous || undefined,
      timestamps: timestamps || undefined,
    },
    // One more is asked for: only so is it known whether that was all.
    maxBytes: READ_BYTES,
    // The kubelet sends text, a server that refuses sends JSON; a client that takes JSON only is refused by some.
    accept: "text/plain, application/json, */*",
    asked: { what: "pod", name: pod, namespace },
    signal,
  });
}

const POLL_MS = 2_000;

export interface Following {
  readonly forMs: number;
  /** Lines that are new, oldest first; never none. */
  onLines(lines: readonly string[]): void;
}

/**
 * A log, and what is written to it in the time after. It asks again and again from the second of the last line on, rather than by a request that stays open: a
 * connection that is lost then loses nothing, and a log that pours is bounded by each answer.
 */
export async function followLog(
  cluster: Cluster,
  source: LogSource,
  query: LogQuery & { signal: AbortSignal },
  { forMs, onLines }: Following,
): Promise<ReadLog> {
  const until = performance.now() + forMs;
  const first = await readOnce(cluster, source, { ...query, tailLines: query.lines, timestamps: true });
  const all = stampedLines(first.text);
  let isCut = first.isCut;
  let chars = first.text.length;
  while (performance.now() < until && !isCut) {
    await sleep(Math.min(POLL_MS, until - performance.now()), query.signal);
    query.signal.throwIfAborted();
    const since = secondOf(all.at(-1));
    const range = since === undefined ? {} : { sinceTime: since, sinceSeconds: undefined };
    const next = await readOnce(cluster, source, { ...query, ...range, timestamps: true });
    // Those of the same second that are known already come first.
    const known = since === undefined ? 0 : all.filter((line) => secondOf(line) === since).length;
    const fresh = stampedLines(next.text).slice(known);
    for (const line of fresh) all.push(line);
    chars += fresh.reduce((sum, line) => sum + line.length, 0);
    isCut = next.isCut || chars > READ_BYTES;
    if (fresh.length > 0) onLines(fresh.map(withoutStamp));
  }
  return { text: all.map(withoutStamp).join("\n"), isShort: false, isCut };
}

function stampedLines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d) ?/;

/** To which the server rounds down what it is asked for. */
function secondOf(line: string | undefined): string | undefined {
  const [, second, zone] = STAMP.exec(line ?? "") ?? [];
  return second === undefined ? undefined : `${second}${zone ?? "Z"}`;
}

function withoutStamp(line: string): string {
  return line.replace(STAMP, "");
}
