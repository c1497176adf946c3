import { faultsOf } from "../dialects/watching.ts";
import type { ConversationHistory, Violation } from "../history.ts";

/** P2, of clients of all dialects: each saw one end, and what it then had is what is stored, in its own words. */
export function checkDialects({ plan, watched = [], records }: ConversationHistory): Violation[] {
  return watched.flatMap((one) => {
    const { turn, viewer } = one;
    const record = records.find(({ turn_id, author }) => turn_id === turn && author.role === "assistant");
    return faultsOf(one, record).map((what) => {
      return { promise: "P2", conversation: plan.id, turn, device: viewer.name, what: `${viewer.name}: ${what}` };
    });
  });
}
