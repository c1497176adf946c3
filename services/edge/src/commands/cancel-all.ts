import type { Bus } from "@parley/bus";
import { requestCancel } from "./cancel.ts";

/** Turns that are looked at in one question. */
const portion = 1_000;
/** With more turns in the queue the rest goes on: whoever looks after it has other worries then. */
const maxPortions = 50;

/** Asks all turns of a user that wait or run to stop. Returns how many. Those that are accepted meanwhile go on. */
export async function cancelAllOf(
  bus: Pick<Bus, "events" | "facts" | "turns">,
  userId: string,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<number> {
  let asked = 0;
  let from = 1;
  for (let round = 0; round < maxPortions; round++) {
    const queued = await bus.turns.scan(portion, from);
    for (const turn of queued) {
      const { user, conversation_id: conversation, turn_id } = turn.request;
      if (user.id !== userId || (await bus.turns.hasEnded(turn))) continue;
      await requestCancel(bus, { conversation, turn: turn_id, by, reason });
      asked++;
    }
    const last = queued.at(-1);
    if (last === undefined || queued.length < portion) break;
    from = last.seq + 1;
  }
  return asked;
}
