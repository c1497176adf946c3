import { noCursor } from "../cursor.ts";
import { beginAnew, type Hub } from "./hub.ts";
import { roomNumberIn } from "./shown-room.ts";

/** A copy of the log from which an edge learns may be behind by this much. */
const copyLagMs = 1_000;

/**
 * This process has learned a moment late that others have a part in a conversation, or that messages of it were changed. What was told before the ring began is neither in that nor
 * in what was read for one person: who was given that gets it anew. A ring that began before `knownMs`, when nothing was stored yet, has all of it.
 */
export function showLateRoom(hub: Hub, knownMs: number): void {
  const { ring, viewers, deps } = hub;
  if (!ring.isShownAlone || ring.madeMs < knownMs - copyLagMs || roomNumberIn(ring.events) > 0) return;
  ring.isShownAlone = false;
  for (const viewer of viewers) if (viewer.wholeSeq !== noCursor) beginAnew(viewer);
  deps.mark(hub);
}
