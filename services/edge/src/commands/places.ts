import type { EventLog } from "@parley/bus";
import { ChatError, type AcceptedFrame, type ConversationId, type TurnId } from "@parley/protocol";
import { noCursor, streamSeqOf } from "../cursor.ts";
import type { Outlet } from "../delivery/outlet.ts";
import { beginAnew, type Hub, type HubViewer } from "../hub/hub.ts";
import type { Resuming } from "../hub/resuming.ts";

/** Conversations of which a connection's place is remembered. */
const maxPlaces = 1_024;

function remember<Place>(places: Map<ConversationId, Place>, conversation: ConversationId, place: Place): void {
  places.set(conversation, place);
  for (const oldest of places.keys()) {
    if (places.size <= maxPlaces) break;
    places.delete(oldest);
  }
}

/** Remembers how far a client is that leaves a conversation. */
export function rememberPlace(connection: Outlet, { source, cursor, fromSeq, sentSeq }: HubViewer): void {
  const { conversation, offset } = source;
  // Its hub may just have begun anew: then the viewer waits for a snapshot, and has no cursor.
  const needsWhole = cursor === noCursor;
  const seq = needsWhole ? sentSeq : offset + cursor;
  if (seq === 0) return;
  connection.left ??= new Map();
  remember(connection.left, conversation, {
    seq,
    fromSeq: fromSeq === noCursor ? noCursor : offset + fromSeq,
    needsWhole,
  });
}

/**
 * Remembers from where a client wants to go on, until it does: a message that it sends after this has failed (the broker was away) must not
 * take it past what it missed.
 */
export function rememberWish(connection: Outlet, conversation: ConversationId, after: number | undefined): void {
  if (after === undefined) return void connection.wanted?.delete(conversation);
  connection.wanted ??= new Map();
  remember(connection.wanted, conversation, after);
}

/** It is sent away, and did not want to leave: should it be let in again, its next message goes on here. */
export function rememberDismissed(viewer: HubViewer): void {
  const { outlet, source } = viewer;
  outlet.left?.delete(source.conversation);
  rememberPlace(outlet, viewer);
  rememberWish(outlet, source.conversation, outlet.left?.get(source.conversation)?.seq);
}

export interface PlaceDeps {
  readonly events: EventLog;
  readonly resuming: Resuming;
}

/** Where a viewer begins. */
export function createPlaces({ events, resuming }: PlaceDeps) {
  const resume = async (viewer: HubViewer, after: number | undefined): Promise<void> =>
    resuming.resume(viewer, await placeOf(events, viewer.source, after));

  return {
    /** At the client's cursor. */
    resume,

    /** At a cursor below which the client has everything: it has read that from the stream itself, in which nothing is overtaken. */
    async resumeExactly(viewer: HubViewer, after: number): Promise<void> {
      viewer.cursor = await placeOf(events, viewer.source, after);
    },

    /** Where the client wanted to go on in vain. False: it did not want that. */
    async resumeWish(connection: Outlet, viewer: HubViewer): Promise<boolean> {
      const { conversation } = viewer.source;
      const after = connection.wanted?.get(conversation);
      if (after === undefined) return false;
      await resume(viewer, after);
      const left = connection.left?.get(conversation);
      connection.left?.delete(conversation);
      if (left?.needsWhole === true && left.seq === after) beginAnew(viewer);
      // A cursor that is not known may be above all that follows: only `subscribed` tells the client so.
      viewer.isGreeted = viewer.cursor === noCursor;
      connection.wanted?.delete(conversation);
      return true;
    },

    /** So that it sees everything after this stream sequence, and nothing that the client had before it left. */
    beginAfter(connection: Outlet, viewer: HubViewer, seq: number): void {
      const { conversation, offset, feed } = viewer.source;
      const left = connection.left?.get(conversation);
      const had = (left?.seq ?? 0) - offset;
      const goesOn = left !== undefined && had > seq && had <= feed.intake.last;
      viewer.begins = !goesOn;
      if (!goesOn) {
        viewer.cursor = viewer.fromSeq = seq;
        return;
      }
      // What it lacked when it left it still lacks, also if that comes only now.
      viewer.fromSeq = left.fromSeq === noCursor ? noCursor : left.fromSeq - offset;
      resuming.resume(viewer, had);
      if (left.needsWhole) beginAnew(viewer);
    },
  };
}

/**
 * For a client that sends a message again whose turn is over: if it gets the whole conversation, or got it, of which a turn so old is no part, or came back with a cursor behind that turn, it is told
 * how this one ended too. Of a turn that began after that it has had the end. `userSeq`: where the message is stored, if its events are kept.
 */
export function showEnd(viewer: HubViewer, turn: TurnId, userSeq: number | undefined): void {
  const hasNothing = viewer.cursor === noCursor && viewer.sentSeq === 0;
  if (hasNothing && userSeq !== undefined) {
    viewer.owedSeq = Math.min(viewer.owedSeq ?? Infinity, userSeq);
  } else if (viewer.cursor === noCursor || (userSeq ?? 0) <= viewer.wholeSeq) {
    viewer.owed ??= new Set();
    viewer.owed.add(turn);
    if (viewer.cursor !== noCursor) beginAnew(viewer);
  }
}

/**
 * For a viewer that looks on already and sends a message whose turn began before that (several were under way when the broker stood still, and
 * a later one came through first): all it would ever get of that turn is `accepted`, so it gets the whole conversation.
 */
export function showTurn(viewer: HubViewer, userSeq: number | undefined): void {
  if (userSeq !== undefined && userSeq > viewer.fromSeq) return;
  if (viewer.fromSeq === noCursor || viewer.cursor === noCursor) return;
  beginAnew(viewer);
}

/** Answers that one viewer may wait for. */
const maxPromised = 64;

/**
 * Keeps an answer back until the viewer gets the whole conversation, if what it claims is below what the client has by its cursor: who was cut between
 * the two would never be told how the turn ended, for it does not send again what was accepted. False: it may be sent now.
 */
export function promise(viewer: HubViewer, answer: AcceptedFrame, userSeq: number | undefined): boolean {
  const { cursor, sentSeq, source } = viewer;
  const comesWithWhole = cursor === noCursor && sentSeq > 0 && (userSeq ?? 0) <= sentSeq - source.offset;
  if (!comesWithWhole) return false;
  viewer.promised ??= new Map();
  if (viewer.promised.size >= maxPromised) throw new ChatError("OVERLOADED");
  viewer.promised.set(answer.turn_id, answer);
  return true;
}

/** The stream sequence of a wire cursor. Costs a trip to the broker only when the hub itself cannot tell. */
async function placeOf(events: EventLog, hub: Hub, after: number | undefined): Promise<number> {
  if (after === undefined) return noCursor;
  const { offset, ring } = hub;
  const seq = after - offset;
  if (seq >= ring.floor && seq <= hub.feed.intake.last) return seq;
  const { firstSeq, lastSeq } = await events.state(hub.shard);
  return hub.ring === ring ? streamSeqOf(after, { offset, firstSeq, lastSeq }) : noCursor;
}
