import type { NoticeJob } from "@parley/protocol";
import { Counter, type Registry } from "@parley/runtime";

/** What nobody could be told for so long is no news. */
export const staleMs = 3_600_000;

export type Count = ReturnType<typeof createNoticeFigures>;

/** `stale`, `needless` and `unwanted`: it is sent to nobody. */
export function createNoticeFigures(registry: Registry) {
  const notices = new Counter({
    name: "parley_tool_notices_total",
    help: "Notices to people who are away, by kind and by what became of them here: made (of a call that waits for somebody), lost as Redis was away, sent, failed (a try), given up, stale (an hour old), needless as it was decided meanwhile, or unwanted by who would be told. Those to single devices: push_sent, push_failed, push_given_up, push_gone (the device is not there any more) and push_revoked.",
    labelNames: ["kind", "result"],
    registers: [registry],
  });
  type Result = "made" | "lost" | "sent" | "failed" | "given_up" | "stale" | "needless" | "unwanted";
  type PushResult = `push_${"sent" | "failed" | "given_up" | "gone" | "revoked"}`;
  return ({ notice }: Pick<NoticeJob, "notice">, result: Result | PushResult): void =>
    notices.inc({ kind: notice.type, result });
}
