import type { EventLog } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";
import { noCursor } from "../cursor.ts";
import type { CatchUp } from "../hub/catch-up.ts";
import { attach as attachTo, beginAnew, detach, type HubConnection, type HubViewer } from "../hub/hub.ts";
import type { Hubs } from "../hub/hubs.ts";
import type { Resuming } from "../hub/resuming.ts";
import { moveViewer } from "../hub/viewer.ts";
import type { Waiting } from "../hub/waiting.ts";
import type { Guests } from "./guests.ts";
import { createPlaces, rememberPlace } from "./places.ts";

export interface ViewingDeps {
  readonly hubs: Hubs;
  readonly catchUp: CatchUp;
  readonly resuming: Resuming;
  readonly waiting: Pick<Waiting, "lookOnce">;
  readonly events: EventLog;
  /** Of the conversations that one connection may look at. */
  readonly subscriptions: SubscriptionLimit;
  /** Whether its user has a part in it, as far as is known now. */
  readonly mayLook: Guests["mayLook"];
  /** The same where nothing is known of it any more: looked up. */
  readonly mayStillLook: Guests["mayStillLook"];
}

export interface SubscriptionLimit {
  readonly most: () => number;
  /** One was refused. */
  readonly refused: () => void;
}

export type Viewing = ReturnType<typeof createViewing>;

interface HeldViewer {
  readonly viewer: HubViewer;
  /** It looks at the conversation only from now on. */
  readonly isNew: boolean;
}

function createAttach({ hubs, subscriptions, mayLook }: Pick<ViewingDeps, "hubs" | "subscriptions" | "mayLook">) {
  return async (connection: HubConnection, conversation: ConversationId): Promise<HubViewer> => {
    if (connection.viewers.size >= subscriptions.most()) {
      subscriptions.refused();
      throw new ChatError("QUOTA_EXCEEDED", { message: "This connection looks at too many conversations." });
    }
    const hub = await hubs.of(conversation);
    // They may have been removed since they were let in: from here on they would be told.
    if (!mayLook(connection, conversation)) throw new ChatError("FORBIDDEN");
    const viewer = attachTo(hub, connection, noCursor);
    // It may have closed meanwhile, and then nobody else would ever detach the viewer.
    if (connection.state === "closed") detach(viewer);
    else connection.viewers.set(conversation, viewer);
    return viewer;
  };
}

/** Which connection looks at which conversation, and from where on. */
export function createViewing(deps: ViewingDeps) {
  const { catchUp, resuming, waiting, events, mayStillLook } = deps;
  const places = createPlaces({ events, resuming });
  const attach = createAttach(deps);
  const attachAllowed: typeof attach = async (connection, conversation) => {
    const viewer = await attach(connection, conversation);
    // From here on this process looks at each change of its people for them; what it knew may be forgotten, and the last change with it.
    if (await mayStillLook(connection, conversation)) return viewer;
    leave(connection, conversation);
    throw new ChatError("FORBIDDEN");
  };
  const release = (viewer: HubViewer): void => {
    if (viewer.state !== "held") return;
    moveViewer(viewer, viewer.doubtedSeq === noCursor ? "lagging" : "doubted");
    catchUp.catchUp(viewer);
  };

  return {
    ...{ ...places, leave, release },
    followExactly: createExactFollowing({ attach: attachAllowed, release, places, waiting }),

    /** Leaves the conversation, and remembers how far the client is. */
    unsubscribe(connection: HubConnection, conversation: ConversationId): void {
      const viewer = connection.viewers.get(conversation);
      leave(connection, conversation);
      connection.wanted?.delete(conversation);
      if (viewer !== undefined) rememberPlace(connection, viewer);
    },

    /** Leaves the conversations in which the client waits for nothing any more, if its dialect can tell: such clients never say it. */
    leaveEnded(connection: HubConnection): void {
      for (const conversation of endedIn(connection)) leave(connection, conversation);
    },

    /** The connection's viewer, which gets no events until it is released. */
    async hold(connection: HubConnection, conversation: ConversationId): Promise<HeldViewer> {
      const viewer = connection.viewers.get(conversation);
      if (viewer === undefined) return { viewer: await attach(connection, conversation), isNew: true };
      moveViewer(viewer, "held");
      return { viewer, isNew: false };
    },

    /** A turn is open that this process may know nothing of: what waits behind it is to be told. */
    lookAtQueue: (viewer: HubViewer): void => void waiting.lookOnce(viewer.source),

    /** Looks at the conversation from the cursor on; anew if it did already. `subscribed` is sent first. */
    async follow(connection: HubConnection, conversation: ConversationId, after: number | undefined): Promise<void> {
      const before = connection.viewers.get(conversation);
      leave(connection, conversation);
      const left = connection.left?.get(conversation);
      // The client says itself how far it is.
      connection.left?.delete(conversation);
      const viewer = await attachAllowed(connection, conversation);
      const leaveAgain = (error: unknown): never => {
        leave(connection, conversation);
        throw error;
      };
      if (!goesOnPast(viewer, before, after)) await places.resume(viewer, after).catch(leaveAgain);
      // Its cursor may be from before the whole conversation for which it waited.
      if (before?.promised !== undefined || (left?.needsWhole === true && left.seq === after)) beginAnew(viewer);
      viewer.promised = before?.promised;
      connection.wanted?.delete(conversation);
      viewer.isGreeted = true;
      viewer.asksAfter = after ?? 0;
      release(viewer);
      // Who goes on from a cursor is told what waits as well: once for all who look on here.
      void waiting.lookOnce(viewer.source);
    },
  };
}

interface ExactFollowing {
  readonly attach: ReturnType<typeof createAttach>;
  readonly release: (viewer: HubViewer) => void;
  readonly places: Pick<ReturnType<typeof createPlaces>, "resumeExactly">;
  readonly waiting: ViewingDeps["waiting"];
}

/** For a connection that looks at nothing yet: from a cursor on up to which it has read the stream itself. `subscribed` is sent first. */
function createExactFollowing({ attach, release, places, waiting }: ExactFollowing) {
  return async (connection: HubConnection, conversation: ConversationId, after: number): Promise<void> => {
    const viewer = await attach(connection, conversation);
    try {
      await places.resumeExactly(viewer, after);
    } catch (error) {
      leave(connection, conversation);
      throw error;
    }
    viewer.isGreeted = true;
    viewer.asksAfter = after;
    release(viewer);
    void waiting.lookOnce(viewer.source);
  };
}

function leave(connection: HubConnection, conversation: ConversationId): void {
  const viewer = connection.viewers.get(conversation);
  if (viewer === undefined) return;
  connection.viewers.delete(conversation);
  detach(viewer);
}

/**
 * Who sent a message and asks for what it missed before that only then has got events from beyond its cursor already: what lies between would come
 * below them, and count for old. It gets the whole conversation, above all that it got. False: it can go on from its cursor.
 */
function goesOnPast(viewer: HubViewer, before: HubViewer | undefined, after: number | undefined): boolean {
  if (before === undefined || after === undefined || before.source !== viewer.source) return false;
  const hasGap = before.fromSeq !== noCursor && before.fromSeq > after - before.source.offset;
  if (!hasGap || before.cursor <= before.fromSeq) return false;
  viewer.cursor = before.cursor;
  beginAnew(viewer);
  return true;
}

function endedIn({ dialect, viewers }: HubConnection): ConversationId[] {
  return [...viewers.keys()].filter((conversation) => dialect.isWaitingIn?.(conversation) === false);
}
