import type { VisibleEvent } from "@parley/dialects";
import { decodeVisible } from "@parley/dialects";
import { ChatError, type Caller, type ConversationId, type FrameError } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import { detach, type Hub, type HubConnection } from "../hub/hub.ts";

export interface GuestDeps {
  readonly outbox: Pick<Outbox, "sendFrame">;
}

export type Guests = ReturnType<typeof createGuests>;

/**
 * Connections that look at a conversation because it was handed over to their user. When it is so no more they look at it no more: at the event, which each edge that has
 * such a viewer gets.
 */
export function createGuests({ outbox }: GuestDeps) {
  /** By their outlets, which are the connections themselves. */
  const guests = new WeakMap<object, { readonly connection: HubConnection; readonly of: Set<ConversationId> }>();

  const leave = (connection: HubConnection, conversation: ConversationId): void => {
    guests.get(connection)?.of.delete(conversation);
    const viewer = connection.viewers.get(conversation);
    if (viewer === undefined) return;
    connection.viewers.delete(conversation);
    detach(viewer);
    outbox.sendFrame(connection, noticeOf(conversation));
  };

  return {
    /** Before it looks at it, so that no event is missed. */
    add(connection: HubConnection, conversation: ConversationId): void {
      const known = guests.get(connection) ?? { connection, of: new Set<ConversationId>() };
      known.of.add(conversation);
      guests.set(connection, known);
    },

    leave,

    /** Once it looks at it: its right to it may have ended before it was there to be told. `standing`: looked up since then. */
    async confirm(connection: HubConnection, conversation: ConversationId, standing: Promise<unknown>): Promise<void> {
      await standing.catch(() => leave(connection, conversation));
    },

    /** To be told of each hand-over that hubs hear of. */
    look({ viewers, conversation }: Hub, event: VisibleEvent): void {
      const decoded = decodeVisible(event);
      if (decoded.type !== "handover") return;
      const holder = decoded.state === "taken" ? decoded.operator?.id : undefined;
      for (const { outlet } of viewers) {
        const guest = guests.get(outlet);
        if (guest?.of.has(conversation) !== true || isOf(guest.connection, holder)) continue;
        leave(guest.connection, conversation);
      }
    },
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
