import type { StreamBackup } from "./manifest.ts";
import type { Progress } from "./backup.ts";

const tellEveryMs = 1_000;
const mib = 2 ** 20;

/** What was done, for people: one line a stream, then one for all. The lines begin as they always did. */
export function tableOf(what: string, streams: readonly StreamBackup[]): string {
  const width = Math.max(0, ...streams.map(({ stream }) => stream.length));
  const lines = streams.map(
    ({ stream, state: { messages, bytes, first_seq, last_seq } }) =>
      `${stream} ${what}: ${messages} messages, ${sizeOf(bytes)}, sequence ${first_seq} to ${last_seq}`,
  );
  const sum = streams.reduce((all, { state }) => ({ n: all.n + state.messages, bytes: all.bytes + state.bytes }), {
    n: 0,
    bytes: 0,
  });
  const total = `${"all".padEnd(Math.min(width, 3))} ${what}: ${streams.length} streams, ${sum.n} messages, ${sizeOf(sum.bytes)}`;
  return [...lines, total, ""].join("\n");
}

function sizeOf(bytes: number): string {
  return bytes < mib ? `${Math.ceil(bytes / 1_024)} KB` : `${(bytes / mib).toFixed(1)} MB`;
}

/** Says on a terminal, once a second, how far it is. What is no terminal gets the table alone. */
export function createProgress(out: NodeJS.WriteStream): Progress & { readonly end: () => void } {
  let toldMs = performance.now();
  let isTold = false;
  const tell = (stream: string, bytes: number): void => {
    if (!out.isTTY || performance.now() - toldMs < tellEveryMs) return;
    toldMs = performance.now();
    isTold = true;
    out.write(`\r\u001B[K${stream}: ${sizeOf(bytes)}`);
  };
  const end = (): void => void (isTold && out.write("\r\u001B[K"));
  return Object.assign(tell, { end });
}
