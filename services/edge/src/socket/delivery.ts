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
  let corked: Outlet | undefined;

  /** One function for all sockets: a closure per socket and turn of the loop would be garbage at every token. */
  const deliverToCorked = (): void => {
    if (corked === undefined) return;
    for (const viewer of corked.viewers.values()) deliver(outbox, viewer);
  };

  const flush = (): void => {
    flushing = undefined;
    const sources = dirty;
    dirty = new Set();
    for (const outlet of outletsOf(sources)) {
      corked = outlet;
      outbox.cork(outlet, deliverToCorked);
    }
    corked = undefined;
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

/** A socket may look at several of the conversations; it is corked once. */
function outletsOf(sources: Iterable<Source>): Set<Outlet> {
  const outlets = new Set<Outlet>();
  for (const { viewers } of sources) {
    for (const { state, outlet } of viewers) if (state === "live") outlets.add(outlet);
  }
  return outlets;
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
