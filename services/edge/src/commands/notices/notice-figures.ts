import { Counter, type Registry } from "@parley/runtime";
import type { Notice } from "@parley/protocol";

/** `lost`: Redis was away. The others were taken back before they were due. */
export type NoticeResult = "made" | "lost" | "present" | "read" | "removed";

export type NoticeFigures = ReturnType<typeof createNoticeFigures>;

export function createNoticeFigures(registry: Registry) {
  const notices = new Counter({
    name: "parley_edge_notices_total",
    help: "Notices to people who are away, by kind and by what became of them here: made, lost as Redis was away, or taken back as its user was present, had read it, or had no part in it any more.",
    labelNames: ["kind", "result"],
    registers: [registry],
  });
  return { count: (kind: Notice["type"], result: NoticeResult): void => notices.inc({ kind, result }) };
}
