import type { VisibleEvent } from "@parley/dialects";
import { carrierOf, type Outbox } from "./outbox.ts";
import type { Outlet } from "./outlet.ts";

/** What delivery needs of a viewer. */
export interface Recipient {
  /** It is given what is new while it is `live`. */
  readonly state: string;
  /** Stream sequence of the last event that it has. */
  cursor: number;
  readonly outlet: Outlet;
  readonly source: { readonly ring: { readonly events: readonly VisibleEvent[]; readonly floor: number } };
}

export interface DeliveryDeps<Viewer extends Recipient, Source> {
  readonly outbox: Outbox;
  /** Called for each conversation after what was new in it has been sent. */
  readonly settle: (source: Source) => void;
  /** The viewer's socket takes no more. */
  readonly lag: (viewer: Viewer) => void;
  /** False: it cannot be told of this event, and is looked after in another way. */
  readonly hasRoom: (viewer: Viewer, event: VisibleEvent) => boolean;
}

/** Gives live viewers what is new. What comes within one turn of the event loop leaves in one system call per socket. */
export function createDelivery<Viewer extends Recipient, Source extends { readonly viewers: ReadonlySet<Viewer> }>(
  deps: DeliveryDeps<Viewer, Source>,
) {
  const { outbox, settle } = deps;
  let dirty = new Set<Source>();
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
        const { outlet } = viewer;
        if (together !== undefined && (outlet.viewers.size > 1 || outlet.carrier !== undefined))
          addTo(together, viewer);
        else deliverAlone(deps, viewer);
      }
    }
    for (const [outlet, viewers] of together ?? []) {
      outbox.cork(outlet, () => {
        for (const viewer of viewers) deliver(deps, viewer);
      });
    }
    for (const source of sources) settle(source);
  };

  return {
    /** Something is new in the conversation. */
    mark(source: Source): void {
      dirty.add(source);
      flushing ??= setImmediate(flush);
    },

    stop(): void {
      clearImmediate(flushing);
      dirty.clear();
    },
  };
}

function addTo<Viewer extends Recipient>(together: Map<Outlet, Viewer[]>, viewer: Viewer): void {
  const outlet = carrierOf(viewer.outlet);
  const viewers = together.get(outlet);
  if (viewers === undefined) together.set(outlet, [viewer]);
  else viewers.push(viewer);
}

type Sending<Viewer extends Recipient> = Omit<DeliveryDeps<Viewer, never>, "settle">;

/** One event, as nearly always, is sent as it is: a cork around a single frame takes longer than the frame. */
function deliverAlone<Viewer extends Recipient>(deps: Sending<Viewer>, viewer: Viewer): void {
  const { events } = viewer.source.ring;
  const missing = events.length - firstAfter(events, viewer.cursor);
  if (missing > 1) deps.outbox.cork(viewer.outlet, () => deliver(deps, viewer));
  else deliver(deps, viewer);
}

function deliver<Viewer extends Recipient>({ outbox, lag, hasRoom }: Sending<Viewer>, viewer: Viewer): void {
  if (viewer.state !== "live") return;
  const { events, floor } = viewer.source.ring;
  let takesMore = viewer.cursor >= floor && outbox.isWritable(viewer.outlet);
  for (let next = firstAfter(events, viewer.cursor); takesMore && next < events.length; next++) {
    const event = events[next];
    if (event === undefined) break;
    if (event.type === "post" && !hasRoom(viewer, event)) return;
    viewer.cursor = event.seq;
    takesMore = outbox.sendEvent(viewer.outlet, event);
  }
  if (!takesMore && viewer.outlet.ws !== undefined) lag(viewer);
}

/** Where the events above the cursor begin. Looked for from the end: a viewer mostly lacks the last few. */
export function firstAfter(events: readonly VisibleEvent[], cursor: number): number {
  let first = events.length;
  while (first > 0 && (events[first - 1]?.seq ?? 0) > cursor) first--;
  return first;
}
