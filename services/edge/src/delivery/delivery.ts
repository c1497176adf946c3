import { firstAfter } from "../hub/catch-up-plan.ts";
import type { Outlet, Source, Viewer } from "../hub/viewer.ts";
import type { Outbox } from "./outbox.ts";

export interface DeliveryDeps<S extends Source> {
  readonly outbox: Outbox;
  /** Called for each conversation after what was new in it has been sent. */
  readonly settle: (source: S) => void;
}

/** Gives live viewers what is new. What comes within one turn of the event loop leaves in one system call per socket. */
export function createDelivery<S extends Source>({ outbox, settle }: DeliveryDeps<S>) {
  let dirty = new Set<S>();
  let flushing: NodeJS.Immediate | undefined;

  const flush = (): void => {
    flushing = undefined;
    const sources = dirty;
    dirty = new Set();
    const together = sources.size > 1 ? new Map<Outlet, Viewer[]>() : undefined;
    for (const { viewers } of sources) {
      for (const viewer of viewers) {
        if (viewer.state !== "live") continue;
        // Only a socket that looks at several conversations can have something new of another one as well.
        if (together !== undefined && viewer.outlet.viewers.size > 1) addTo(together, viewer);
        else deliverAlone(outbox, viewer);
      }
    }
    for (const [outlet, viewers] of together ?? []) {
      outbox.cork(outlet, () => {
        for (const viewer of viewers) deliver(outbox, viewer);
      });
    }
    for (const source of sources) settle(source);
  };

  return {
    /** Something is new in the conversation. */
    mark(source: S): void {
      dirty.add(source);
      flushing ??= setImmediate(flush);
    },

    stop(): void {
      clearImmediate(flushing);
      dirty.clear();
    },
  };
}

function addTo(together: Map<Outlet, Viewer[]>, viewer: Viewer): void {
  const viewers = together.get(viewer.outlet);
  if (viewers === undefined) together.set(viewer.outlet, [viewer]);
  else viewers.push(viewer);
}

/** One event, as nearly always, is sent as it is: a cork around a single frame takes longer than the frame. */
function deliverAlone(outbox: Outbox, viewer: Viewer): void {
  const { events } = viewer.source.ring;
  const missing = events.length - firstAfter(events, viewer.cursor);
  if (missing > 1) outbox.cork(viewer.outlet, () => deliver(outbox, viewer));
  else deliver(outbox, viewer);
}

function deliver(outbox: Outbox, viewer: Viewer): void {
  if (viewer.state !== "live") return;
  const { events, floor } = viewer.source.ring;
  let takesMore = viewer.cursor >= floor && outbox.isWritable(viewer.outlet);
  for (let next = firstAfter(events, viewer.cursor); takesMore && next < events.length; next++) {
    const event = events[next];
    if (event === undefined) break;
    viewer.cursor = event.seq;
    takesMore = outbox.sendEvent(viewer.outlet, event);
  }
  if (!takesMore && viewer.outlet.ws !== undefined) viewer.state = "lagging";
}
