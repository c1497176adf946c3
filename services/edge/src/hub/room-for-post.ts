import type { VisibleEvent } from "@parley/dialects";
import { nativeSubprotocol } from "@parley/protocol";
import { takesPosts } from "../delivery/outbox.ts";
import type { Outlet } from "../delivery/outlet.ts";
import { beginAnew, type HubViewer } from "./hub.ts";

/**
 * Whether a viewer can be told of this event. A native client that does not know posts gets a message and its end in place of one event, and the first needs a cursor of its
 * own, below that of the event: where the client has that one already it gets the whole conversation, which says both. So it is in no case that counts: of many conversations
 * the events of one rarely stand side by side.
 */
export function hasRoom(viewer: HubViewer, event: VisibleEvent): boolean {
  if (event.type !== "post" || !isOld(viewer.outlet) || viewer.cursor < event.seq - 1) return true;
  beginAnew(viewer);
  return false;
}

function isOld(outlet: Outlet): boolean {
  return outlet.dialect.name === nativeSubprotocol && !takesPosts(outlet);
}
