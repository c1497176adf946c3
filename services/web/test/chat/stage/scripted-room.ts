import type { MessageChanges, Room, TranscriptMessage } from "@parley/protocol/fold";
import type { Api } from "../../../src/api/api.ts";
import type { ScriptedServer } from "./scripted-server.ts";

/** A room of three, with an agent, in which something of everything has happened; what is asked for happens at once. */

const ann = { id: "ann", name: "Ann Miller" };
const ben = { id: "ben", name: "Ben Okafor" };
export const viewer = { id: "u", name: "Dana Weiss" };

const minuteMs = 60_000;
const since = Date.now() - 40 * minuteMs;

export const room: Room = {
  n: 3,
  owner: viewer,
  members: [
    { ...viewer, role: "owner", since },
    { ...ann, role: "writer", since },
    { ...ben, role: "reader", since },
  ],
  member_count: 3,
  answers: "mention",
  agents: [{ handle: "helper", agent: "general" }],
  pins: ["r2-u"],
};

interface Said {
  readonly by: { readonly id: string; readonly name: string } | undefined;
  readonly message: string;
  readonly post?: number;
  readonly reply_to?: string;
  readonly mentions?: string[];
}

const said: readonly Said[] = [
  { by: ann, message: "Morning! The shop answered slowly for a few minutes, at about half past eight.", post: 1 },
  { by: viewer, message: "@helper what changed in the shop since yesterday?" },
  {
    by: undefined,
    message:
      "Two things changed:\n\n1. `shop` went from 1.3 to **1.4** at 08:20.\n2. Its memory limit is 256 MiB now, it was 512 MiB.\n\nThe second one explains the slow minutes: the garbage collector ran most of the time.",
  },
  { by: ann, message: "That fits. I would put the limit back first.", post: 2, reply_to: "r2-a" },
  { by: ann, message: "@Dana Weiss can you do it? You have the rights.", post: 3, mentions: ["u"] },
  { by: viewer, message: "On it.", post: 4, reply_to: "r5-u" },
  { by: ben, message: "Thank you both. I watch the graphs meanwhile.", post: 5 },
];

export const roomTranscript: readonly TranscriptMessage[] = said.map(({ by, post, ...rest }, at) => {
  const turn_id = by === undefined ? `r${at}` : `r${at + 1}`;
  const author = by === undefined ? { role: "assistant" } : { role: "user", ...by };
  const ending =
    by === undefined
      ? {
          usage: { input_tokens: 20, output_tokens: 40 },
          metadata: { agent: "general", model: "scripted" },
          tool_calls: [],
        }
      : {};
  const message_id = `${turn_id}-${by === undefined ? "a" : "u"}`;
  const ts = since + at * 3 * minuteMs;
  const placed = post === undefined ? {} : { post };
  return { message_id, turn_id, author, status: "complete", ts, ...rest, ...ending, ...placed };
});

export const roomChanges: readonly MessageChanges[] = [
  {
    message_id: "r2-a",
    n: 2,
    reactions: [
      { reaction: "✔", by: [ann, viewer] },
      { reaction: "❤", by: [ben] },
    ],
  },
  { message_id: "r4-u", n: 1, edited_at: since + 11 * minuteMs, reactions: [] },
];

export const roomReads = [
  { user: ann, message_id: "r6-u", ts: since + 20 * minuteMs },
  { user: ben, message_id: "r7-u", ts: since + 21 * minuteMs },
  { user: viewer, message_id: "r6-u", ts: since + 20 * minuteMs },
];

/** What the stage answers where the people of a room are asked for. */
export function roomApi(): Partial<Api> {
  return {
    people: async () => ({ members: room.members, invites: [] }),
    invite: async () => "c1.c2VjcmV0LW9mLWEtbGluaw",
  };
}

type Frame = Readonly<Record<string, string | boolean>>;

/** What happens to frames of rooms. */
export function roomFrames(server: ScriptedServer): (frame: Frame) => void {
  const known = new Map(roomChanges.map((one) => [one.message_id, one]));
  let { n, pins } = room;
  const change = (type: string, message_id: string, patch: Partial<MessageChanges>, more: object): void => {
    const before = known.get(message_id) ?? { message_id, n: 0, reactions: [] };
    const stands = { ...before, ...patch, n: before.n + 1 };
    known.set(message_id, stands);
    server.event({ type, message_id, by: { role: "user", ...viewer }, stands, ...more });
  };
  return (frame) => {
    const { type, on } = frame;
    const [id, message, reaction] = [frame["message_id"], frame["message"], frame["reaction"]].map(String);
    if (id === undefined) return;
    if (type === "edit") change("message_edited", id, { message: message ?? "", edited_at: Date.now() }, { message });
    if (type === "delete") change("message_deleted", id, { deleted_at: Date.now() }, {});
    if (type === "react" && reaction !== undefined) {
      const reactions = reactionsWith(known.get(id)?.reactions ?? [], reaction, on === true);
      change("reaction", id, { reactions }, { reaction, on });
    }
    if (type === "pin") {
      pins = on === true ? [id, ...pins] : pins.filter((one) => one !== id);
      server.event({ type: "pin", n: ++n, message_id: id, on, pins });
    }
    if (type === "read") {
      const marks = [{ user: viewer, message_id: id, ts: Date.now() }];
      server.say({ type: "read", conversation_id: server.conversationId, marks });
    }
  };
}

function reactionsWith(known: MessageChanges["reactions"], reaction: string, on: boolean): MessageChanges["reactions"] {
  const by = (known.find((one) => one.reaction === reaction)?.by ?? []).filter(({ id }) => id !== viewer.id);
  return [...known.filter((one) => one.reaction !== reaction), { reaction, by: on ? [...by, viewer] : by }];
}
