import type { Bus } from "@parley/bus";
import type { Logger } from "@parley/runtime";

export interface WantsDeps {
  readonly bus: Pick<Bus, "noticeRecords">;
  readonly log: Logger;
}

/** What somebody has chosen holds here within this time. Tool workers, which send, look again. */
const keptMs = 30_000;
const mostKept = 10_000;

interface Kept {
  readonly isAll: boolean;
  readonly atMs: number;
}

/** Who wants to be told of all messages. Each message of a room asks for all its members, so what was found out is remembered for a moment. */
export function createWants({ bus, log }: WantsDeps) {
  const kept = new Map<string, Kept>();
  const wantsAll = async (userId: string): Promise<boolean> => {
    const found = kept.get(userId);
    if (found !== undefined && performance.now() - found.atMs < keptMs) return found.isAll;
    const isAll = await bus.noticeRecords.of(userId).then(
      ({ wants }) => wants === "all",
      (err: unknown) => {
        log.debug({ err }, "what a user wants to be told cannot be looked up");
        return false;
      },
    );
    if (kept.size >= mostKept) kept.clear();
    kept.set(userId, { isAll, atMs: performance.now() });
    return isAll;
  };
  return {
    async all(userIds: readonly string[]): Promise<string[]> {
      const answers = await Promise.all(userIds.map(wantsAll));
      return userIds.filter((_, place) => answers[place] === true);
    },
  };
}
