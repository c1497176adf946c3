import type { Audience } from "./audience.ts";
import { readTotal } from "./base-figures.ts";
import type { ConversationHistory } from "./history.ts";
import { waitsOf } from "./invariants/agreed.ts";
import { ofType, turnLogsOf } from "./invariants/turn-log.ts";
import type { QueueWatch } from "./queue-watch.ts";
import type { Tally } from "./scenario.ts";
import type { World } from "./world/world.ts";

/** What happened. Counters of processes that were replaced count from their last start. */
export async function takeTally(
  world: World,
  audience: Audience,
  watch: QueueWatch,
  conversations: readonly ConversationHistory[],
): Promise<Omit<Tally, "faults">> {
  const logs = conversations.flatMap((conversation) => [...turnLogsOf(conversation).values()]);
  const ends: Record<string, number> = {};
  for (const { terminal } of logs) {
    const end = terminal?.event;
    const name = end?.type === "error" ? end.code : (end?.type ?? "none");
    ends[name] = (ends[name] ?? 0) + 1;
  }
  const claims = logs.flatMap(({ chain }) => chain.filter((stored) => ofType(stored, "claimed")));
  return {
    turns: logs.length,
    takeovers: claims.filter(({ event }) => event.type === "claimed" && event.attempt > 1).length,
    reconnects: audience.reconnects(),
    snapshots: await readTotal(world, "edge", "parley_edge_snapshots_total"),
    lagged: await readTotal(world, "edge", "parley_edge_lagged_total"),
    cancelled: ends["cancelled"] ?? 0,
    waited: watch.waited(),
    toolRuns: logs.flatMap(({ events }) => events.filter((stored) => ofType(stored, "tool_call_end"))).length,
    ...waited(conversations),
    ...onTheirWay(world),
    ends,
  };
}

function waited(conversations: readonly ConversationHistory[]): Pick<Tally, "decisions" | "goesOnAfterMs"> {
  const goesOnAfterMs = conversations.flatMap(waitsOf).map(({ afterMs }) => afterMs);
  return { decisions: goesOnAfterMs.length, goesOnAfterMs };
}

/** What happened to live copies. */
function onTheirWay({ members }: World): Pick<Tally, "late" | "overtaken"> {
  let [late, overtaken] = [0, 0];
  for (const { proxy } of Object.values(members).flat()) {
    if (proxy === undefined || !("figures" in proxy)) continue;
    late += proxy.figures.held;
    overtaken += proxy.figures.overtaken;
  }
  return { late, overtaken };
}
