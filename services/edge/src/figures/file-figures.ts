import type { CareFigures } from "@parley/bus";
import { addCounts, addGauge, type Registry } from "@parley/runtime";

/** What became of a file that somebody brought; removed: by who brought it; expired: nobody sent it in time. */
const outcomes = ["begun", "stored", "refused", "removed", "expired"] as const;
export type FileOutcome = (typeof outcomes)[number];

export type FileFigures = ReturnType<typeof createFileFigures>;

/** Files that were brought here and read here. What is kept in all only the edge knows that looked last. */
export function createFileFigures() {
  const files = new Map(outcomes.map((outcome): [FileOutcome, number] => [outcome, 0]));
  const bytes = { received: 0, sent: 0 };
  let open = 0;
  let orphans = 0;
  let kept: CareFigures | undefined;
  const add = (outcome: FileOutcome, more: number): unknown => files.set(outcome, (files.get(outcome) ?? 0) + more);
  return {
    count: (outcome: FileOutcome): unknown => add(outcome, 1),
    received: (size: number): unknown => (bytes.received += size),
    sent: (size: number): unknown => (bytes.sent += size),

    /** An upload has begun; until the returned function is called. */
    uploading(): () => void {
      open++;
      return () => {
        open--;
      };
    },

    /** After a round of looking after them; undefined: another edge does it. */
    cared(found: CareFigures | undefined): void {
      kept = found;
      orphans += found?.orphans ?? 0;
      add("expired", found?.removed ?? 0);
    },

    register: (registry: Registry): void =>
      register(registry, { files, bytes, open: () => open, orphans: () => orphans, kept: () => kept }),
  };
}

interface Read {
  readonly files: ReadonlyMap<FileOutcome, number>;
  readonly bytes: Readonly<Record<string, number>>;
  readonly open: () => number;
  readonly orphans: () => number;
  readonly kept: () => CareFigures | undefined;
}

function register(registry: Registry, { files, bytes, open, orphans, kept }: Read): void {
  addCounts(registry, {
    name: "parley_edge_files_total",
    help: "Files that were brought, by what became of them; expired: nobody sent them in time.",
    label: "outcome",
    read: () => files,
  });
  addCounts(registry, {
    name: "parley_edge_file_bytes_total",
    help: "Bytes of files that were received and sent.",
    label: "direction",
    read: () => Object.entries(bytes),
  });
  addCounts(registry, {
    name: "parley_edge_file_orphans_total",
    help: "Parts of files that no record named any more, and were removed.",
    label: "kind",
    read: () => [["part", orphans()]],
  });
  addGauge(registry, "parley_edge_uploads", "Files that are being received at the moment.", open);
  const ofKept = (name: "files" | "bytes", help: string): void =>
    addGauge(
      registry,
      `parley_edge_kept_${name === "bytes" ? "file_bytes" : "files"}`,
      help,
      () => kept()?.[name] ?? NaN,
    );
  ofKept("files", "Files that are kept in all, as the edge knows that looked after them last.");
  ofKept("bytes", "Bytes of files that are kept in all, as the edge knows that looked after them last.");
}
