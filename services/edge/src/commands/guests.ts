import type { VisibleEvent } from "@parley/dialects";
import { decodeVisible } from "@parley/dialects";
import { ChatError, type Caller, type ConversationId, type FrameError } from "@parley/protocol";
import { noCursor } from "../cursor.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { Outlet } from "../delivery/outlet.ts";
import { detach, type Hub, type HubConnection, type HubViewer } from "../hub/hub.ts";
import { hasPart, type KnownPeople } from "./known-people.ts";
import { rememberDismissed } from "./places.ts";

export interface GuestDeps {
  readonly outbox: Pick<Outbox, "sendFrame">;
  readonly known: Pick<KnownPeople, "peek" | "lookUp">;
  /** Somebody was sent away. */
  readonly onDismissed?: () => void;
}

export type Guests = ReturnType<typeof createGuests>;

/**
 * Who may go on to look at a conversation: those who have a part in it, and connections of the person to whom it was handed over. Whoever may not any more looks at it no more: at the
 * event, which is in the same stream as all that they must not see, and which each edge that has such a viewer gets; and when this edge learns of the record, should the event not come.
 */
export function createGuests(deps: GuestDeps) {
  const { known } = deps;
  /** Those to whom a conversation was handed over, by their outlets, which are the connections themselves. */
  const guests: Invited = new WeakMap();
  const dismiss = createDismissal(deps, guests);

  /** As far as this process remembers. What it does not know is looked at when it does. */
  const mayLook = (outlet: Outlet, conversation: ConversationId): boolean => {
    const { caller } = outlet;
    const one = known.peek(conversation);
    return caller === undefined || one === undefined || isGuest(guests, outlet, conversation) || hasPart(one, caller);
  };
  const leave = (connection: HubConnection, conversation: ConversationId): void => {
    const viewer = connection.viewers.get(conversation);
    if (viewer === undefined) guests.get(connection)?.delete(conversation);
    else dismiss(viewer);
  };

  return {
    /** Before it looks at it, so that no event is missed. */
    add(connection: HubConnection, conversation: ConversationId): void {
      guests.set(connection, (guests.get(connection) ?? new Set()).add(conversation));
    },

    leave,
    mayLook,

    /** For who looks already. Asks the broker only where this process remembers nothing of it; while that is away it is as it was. */
    async mayStillLook(connection: HubConnection, conversation: ConversationId): Promise<boolean> {
      if (known.peek(conversation) === undefined) await known.lookUp(conversation);
      return mayLook(connection, conversation);
    },

    /** Once it looks at it: its right to it may have ended before it was there to be told. `standing`: looked up since then. */
    async confirm(connection: HubConnection, conversation: ConversationId, standing: Promise<unknown>): Promise<void> {
      await standing.catch(() => leave(connection, conversation));
    },

    /** Its user came with another token: they may lack a role by which they had a part in something. */
    renewed(connection: HubConnection): void {
      for (const [conversation, viewer] of connection.viewers) if (!mayLook(connection, conversation)) dismiss(viewer);
    },

    look: createLook(deps, guests, dismiss),

    /** The people of a conversation were changed that somebody may look at here. */
    async check(conversation: ConversationId, viewers: readonly HubViewer[]): Promise<void> {
      if (viewers.length === 0) return;
      if (known.peek(conversation) === undefined) await known.lookUp(conversation);
      for (const viewer of viewers) if (!mayLook(viewer.outlet, conversation)) dismiss(viewer);
    },
  };
}

type Invited = WeakMap<object, Set<ConversationId>>;

function isGuest(guests: Invited, outlet: Outlet, conversation: ConversationId): boolean {
  return guests.get(outlet)?.has(conversation) === true;
}

function createLook({ known }: GuestDeps, guests: Invited, dismiss: (viewer: HubViewer) => void) {
  const handedOver = ({ viewers, conversation }: Hub, holder: string | undefined): void => {
    for (const viewer of viewers) {
      const { outlet } = viewer;
      if (!isGuest(guests, outlet, conversation) || isOf(outlet, holder)) continue;
      guests.get(outlet)?.delete(conversation);
      // Perhaps they have a part in it beside that.
      const one = known.peek(conversation);
      if (one === undefined || outlet.caller === undefined || !hasPart(one, outlet.caller)) dismiss(viewer);
    }
  };
  const removed = ({ viewers, conversation }: Hub, gone: ReadonlySet<string>, n: number): void => {
    if (gone.size === 0) return;
    const one = known.peek(conversation);
    // The event may come late, and they may have been let in again since: a later record says who has a part in it.
    const later = one !== undefined && one.n > n ? one : undefined;
    for (const viewer of viewers) {
      const { caller } = viewer.outlet;
      if (caller === undefined || !gone.has(caller.user.id) || isGuest(guests, viewer.outlet, conversation)) continue;
      if (later === undefined || !hasPart(later, caller)) dismiss(viewer);
    }
  };
  /** To be told of each hand-over, and of each change of its people, that hubs hear of. */
  return (hub: Hub, event: VisibleEvent): void => {
    const decoded = decodeVisible(event);
    if (decoded.type === "handover") handedOver(hub, decoded.state === "taken" ? decoded.operator?.id : undefined);
    if (decoded.type === "member")
      removed(hub, new Set(decoded.people.flatMap(({ id, role }) => (role === null ? id : []))), decoded.n);
  };
}

function createDismissal({ outbox, onDismissed }: GuestDeps, guests: Invited) {
  return (viewer: HubViewer): void => {
    if (viewer.state === "gone") return;
    const { outlet, source } = viewer;
    const { conversation } = source;
    guests.get(outlet)?.delete(conversation);
    outlet.viewers.delete(conversation);
    rememberDismissed(viewer);
    detach(viewer);
    outbox.sendFrame(outlet, noticeOf(conversation));
    outlet.onDismissed?.(conversation, viewer.cursor === noCursor ? undefined : source.offset + viewer.cursor);
    onDismissed?.();
  };
}

function isOf({ caller }: { readonly caller?: Pick<Caller, "user"> | undefined }, holder: string | undefined): boolean {
  return holder !== undefined && caller?.user.id === holder;
}

function noticeOf(conversation_id: ConversationId): FrameError {
  const gone = new ChatError("FORBIDDEN", { message: "You do not have this conversation any more." });
  const { code, retryable, message: error } = gone;
  return { type: "error", error, code, retryable, frame: "subscribe", conversation_id };
}
