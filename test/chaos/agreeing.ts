import { pendingApprovals, toolCallsOf } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Device } from "./clients/device.ts";
import { createToken } from "./clients/token.ts";
import type { StrangersTry } from "./history.ts";
import type { DecisionPlan } from "./plan/decisions.ts";
import type { World } from "./world/world.ts";

export interface Deciding {
  readonly conversation: string;
  readonly turn: string;
  readonly devices: readonly Device[];
  readonly world: Pick<World, "edgeUrls" | "jwtSecret">;
  readonly tries: StrangersTry[];
  readonly signal: AbortSignal;
  /** Whether the device knows how the turn ended. */
  readonly hasEnded: (view: Device["view"], turn: string) => boolean;
}

/** Decides on each call of the turn that waits, as it is planned, when the first device sees it; until the turn has ended. */
export async function decideOn(plan: DecisionPlan, deciding: Deciding): Promise<void> {
  const { turn, devices, signal, hasEnded } = deciding;
  const [asker] = devices;
  if (asker === undefined) return;
  const seen = new Set<string>();
  const nextCall = (view: Device["view"]): string | undefined =>
    pendingApprovals(view).find(({ turn_id, call }) => turn_id === turn && !seen.has(call.call_id))?.call.call_id;
  while (!hasEnded(asker.view, turn)) {
    await asker.until((view) => hasEnded(view, turn) || nextCall(view) !== undefined, signal);
    const call = nextCall(asker.view);
    if (call === undefined) continue;
    seen.add(call);
    await decideOnCall(plan, call, deciding);
  }
}

async function decideOnCall({ decisions, hasStranger }: DecisionPlan, call: string, deciding: Deciding): Promise<void> {
  const { devices, signal } = deciding;
  if (hasStranger) await tryAsStranger(call, deciding);
  let waitedMs = 0;
  for (const { approved, delayMs, device } of decisions) {
    await sleep(Math.max(0, delayMs - waitedMs), signal);
    waitedMs = delayMs;
    const decider = devices[device] ?? devices[0];
    // People decide on what they see.
    await decider?.until((view) => hasSeen(view, call, deciding), signal);
    decider?.approve(call, approved);
  }
}

/** Also what was decided by somebody else meanwhile; who came after that was done may see no more than that it is. */
function hasSeen(view: Device["view"], call: string, { turn, hasEnded }: Deciding): boolean {
  const isThere = view.turns.some((one) =>
    toolCallsOf(one).some(({ call_id, approval, status }) => call_id === call && (approval ?? status) !== undefined),
  );
  return isThere || hasEnded(view, turn);
}

/** Over HTTP, at any edge. */
async function tryAsStranger(call: string, { conversation, world, tries, signal }: Deciding): Promise<void> {
  const [url = ""] = world.edgeUrls();
  const { host } = new URL(url);
  const headers = {
    authorization: `Bearer ${createToken(world.jwtSecret, "a-stranger")}`,
    "content-type": "application/json",
  };
  const request = { method: "POST", headers, body: JSON.stringify({ approved: true }), signal };
  const answer = await fetch(`http://${host}/api/v1/conversations/${conversation}/approvals/${call}`, request).catch(
    () => undefined,
  );
  // The edge may be dead just now.
  if (answer !== undefined) tries.push({ call, status: answer.status });
}
