import { isTerminal, messages, type ConversationView } from "@parley/protocol";
import type { Violation } from "../history.ts";
import type { PromiseId } from "../promise.ts";
import type { RoomHistory } from "./room-history.ts";

/** What a room promises its people, whatever dies meanwhile. */
export function checkRoom(history: RoomHistory): Violation[] {
  return [...checkPosts(history), ...checkTurns(history), ...checkSame(history), ...checkAbsence(history)];
}

function violationIn({ room }: RoomHistory, promise: PromiseId, what: string, device?: string): Violation {
  return { promise, what, conversation: room.plan.id, ...(device === undefined ? {} : { device }) };
}

/** Each post that was accepted is stored once, none is missing in the numbers, and each was told once and in their order. */
export function checkPosts(history: RoomHistory): Violation[] {
  const { posts, events, room } = history;
  const broken: Violation[] = [];
  for (const [at, { n, turn_id }] of posts.entries()) {
    if (n !== at + 1)
      broken.push(violationIn(history, "P1", `post ${turn_id} has the number ${n}, and is number ${at + 1}`));
  }
  const turns = posts.map(({ turn_id }) => turn_id);
  for (const turn of new Set(turns)) {
    const count = turns.filter((one) => one === turn).length;
    if (count > 1) broken.push(violationIn(history, "P1", `post ${turn} is stored ${count} times`));
  }
  for (const { id, turn, kind } of room.accepted) {
    if (kind === "post" && !turns.includes(turn))
      broken.push(violationIn(history, "P1", `post ${id} was accepted and is not stored`));
  }
  let last = 0;
  for (const { event } of events) {
    if (event.type !== "post") continue;
    if (event.n <= last) broken.push(violationIn(history, "P1", `post ${event.n} was told behind post ${last}`));
    last = event.n;
  }
  return broken;
}

/** Every turn ends, once, and asks no model where it is a post. */
export function checkTurns(history: RoomHistory): Violation[] {
  const { events, room, stored } = history;
  return room.accepted.flatMap(({ id, turn, kind }) => {
    const ends = events.filter((one) => one.turn === turn && isTerminal(one.event.type)).length;
    if (kind === "post") return ends === 0 ? [] : [violationIn(history, "P1", `post ${id} was answered`)];
    const answers = stored.filter((one) => one.turn_id === turn && one.author.role === "assistant").length;
    if (ends === 1 && answers === 1) return [];
    return [violationIn(history, "P1", `turn ${id} has ${ends} ends and ${answers} answers`)];
  });
}

interface Shown {
  readonly id: string;
  readonly text: string;
  readonly by: string | undefined;
}

function shownIn(view: ConversationView): Shown[] {
  return messages(view).map(({ message_id, parts, author }) => ({
    id: message_id,
    text: parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(""),
    by: author.id ?? author.name,
  }));
}

/** All members have the newest messages in the same order and with the same words as they are stored; those that are older they may lack. */
export function checkSame(history: RoomHistory): Violation[] {
  const { stored, views, room } = history;
  // What became of messages is one fact for all: whoever has heard most of one says how it stands.
  const texts = new Map<string, { n: number; text: string }>();
  for (const { changes } of views) {
    for (const { message_id, n, message, deleted_at } of Object.values(changes)) {
      const known = texts.get(message_id);
      if (known !== undefined && known.n >= n) continue;
      const text = deleted_at === undefined ? message : "";
      if (text !== undefined) texts.set(message_id, { n, text });
    }
  }
  const wanted = stored.map(({ message_id: id, message, author }) => ({
    ...{ id, text: texts.get(id)?.text ?? message, by: author.id ?? author.name },
  }));
  return views.flatMap((view, at) => {
    const shown = shownIn(view);
    const name = room.plan.people[at];
    const end = wanted.slice(Math.max(0, wanted.length - shown.length));
    if (shown.length === 0) return [violationIn(history, "P2", `${name} sees nothing`, name)];
    const place = end.findIndex((one, index) => JSON.stringify(one) !== JSON.stringify(shown[index]));
    if (place < 0 && shown.length === end.length) return [];
    const what = `${name} sees ${JSON.stringify(shown[place])} where ${JSON.stringify(end[place])} is stored`;
    return [violationIn(history, "P2", what, name)];
  });
}

/** The event tells it to all who look on; edges that stood still, or did not hear of it, know within a second. */
const goneWithinMs = 1_000;

/** Who was removed is shown nothing that was stored behind that, until they are let in again. */
export function checkAbsence(history: RoomHistory): Violation[] {
  const { room, recordings } = history;
  const { absence, plan } = room;
  const name = plan.people.at(-1);
  if (absence === undefined) return [violationIn(history, "P7", "nobody was removed and let in again", name)];
  const { goneAtMs, backAtMs } = absence;
  const entries = recordings.at(-1)?.entries ?? [];
  const behind = seqOfRemoval(history);
  const late = entries.flatMap((entry) => {
    if (entry.kind !== "frame" || entry.atMs >= Math.floor(backAtMs) || !("seq" in entry.frame)) return [];
    const isBehind = behind !== undefined && entry.frame.seq > behind && entry.frame.type !== "subscribed";
    return isBehind || entry.atMs > goneAtMs + goneWithinMs ? [entry] : [];
  });
  return late.slice(0, 1).map(({ frame, atMs }) => {
    const what = `${name} was removed at ${Math.round(goneAtMs)} ms and shown \`${frame.type}\` at ${atMs} ms (${late.length} in all)`;
    return violationIn(history, "P9", what, name);
  });
}

/** The cursor at which all were told; undefined: nobody had the event, but all have it in a snapshot. */
function seqOfRemoval({ room, recordings }: RoomHistory): number | undefined {
  const name = room.plan.people.at(-1);
  for (const { entries } of recordings) {
    for (const entry of entries) {
      if (entry.kind !== "frame" || entry.frame.type !== "member" || !("people" in entry.frame)) continue;
      const { people, seq } = entry.frame;
      if (people.some(({ id, role }) => id === name && role === null)) return seq;
    }
  }
  return undefined;
}
