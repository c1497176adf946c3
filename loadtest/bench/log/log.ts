import { natsServerVersion } from "@parley/testkit";
import type { Bench, BenchContext } from "../bench.ts";
import { grouped } from "../measure/statistics.ts";
import { measureColdReads } from "./cold-reads.ts";
import { measureLogSizes, type LogSize } from "./log-size.ts";

const fewConversations = 100_000;
const maxMs = 600_000;
const turnsRead = [40, 200, 1_000];

function sizeRow(size: LogSize): string[] {
  const { conversations, records, diskMb, rssMb, rssAfterRestartMb, stopMs, startMs, startAfterKillMs } = size;
  const { last, bySeq, appendsPerSecond } = size;
  const counts = [conversations, records, diskMb, rssMb, rssAfterRestartMb, stopMs, startMs, startAfterKillMs];
  return [
    ...counts.map((value) => grouped(value)),
    ...[`${last.p50} / ${last.p99}`, `${bySeq.p50} / ${bySeq.p99}`, grouped(appendsPerSecond)],
  ];
}

const heading = [
  ...["conversations", "messages", "disk MB", "RSS MB", "after restart", "stop ms", "start ms", "start after kill ms"],
  ...["newest of a conversation, p50 / p99 ms", "by sequence, p50 / p99 ms", "appends/s"],
];

/** What the stream of transcripts is like when it is large, and what reading one costs. */
export const log: Bench = {
  name: "log",
  about: "the log of transcripts: cold reads of both record versions (`cold`), and how it is when it is large (`size`)",
  takesSeconds: 120,
  async run({ only = "", rounds, conversations = fewConversations, say }: BenchContext) {
    const cold = "cold".includes(only) ? await measureColdReads(turnsRead, 5 * rounds) : [];
    const sizes = "size".includes(only) ? await measureLogSizes(conversations, { maxMs, say }) : [];
    const version = natsServerVersion();
    const table = [
      ...(cold.length === 0 ? [] : [["turns", "record version", "ms"]]),
      ...cold.map(({ turns, format, ms }) => [grouped(turns), String(format), String(ms)]),
      ...(sizes.length === 0 ? [] : [heading]),
      ...sizes.map(sizeRow),
    ];
    return { figures: { nats: version, cold, sizes }, table, budgets: [], notes: [`nats-server ${version}`] };
  },
};
