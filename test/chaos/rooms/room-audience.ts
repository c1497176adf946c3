import { messageIdOf, messages } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { z } from "zod";
import type { Answer, Device } from "../clients/device.ts";
import { createRawDevice } from "../clients/raw-device.ts";
import { createToken } from "../clients/token.ts";
import { createRandom } from "../plan/random.ts";
import type { Timeline } from "../timeline.ts";
import type { World } from "../world/world.ts";
import { createRoomCalls, type RoomCalls } from "./room-calls.ts";
import type { Act, RoomPlan } from "./room-plan.ts";

/** Four people in a room, doing what the plan says. */
export interface PlayedRoom {
  readonly plan: RoomPlan;
  /** Of each person, in the order of the plan. */
  readonly devices: readonly Device[];
  /** What was accepted, with its turn. */
  readonly accepted: readonly Accepted[];
  /** When the last one was let in again, and from when on they were asked to go; undefined: it could not be done. */
  readonly absence: Absence | undefined;
  readonly edits: number;
  readonly reactions: number;
  /** Resolves when all of it was done. */
  readonly finished: Promise<void>;
  close(): void;
}

export interface Accepted {
  readonly id: string;
  readonly kind: "post" | "ask";
  readonly by: string;
  readonly turn: string;
}

/** By the scenario's clock. */
export interface Absence {
  /** The edge had said that they are no member any more. */
  readonly goneAtMs: number;
  /** They were about to be let in again. */
  readonly backAtMs: number;
}

interface Stage {
  readonly world: Pick<World, "edgeUrls" | "jwtSecret">;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
}

interface Playing extends Stage {
  readonly plan: RoomPlan;
  readonly calls: RoomCalls;
  readonly tokens: readonly string[];
  readonly devices: readonly Device[];
  readonly accepted: Accepted[];
  readonly counts: { edits: number; reactions: number };
}

export function playRoom(seed: string, plan: RoomPlan, stage: Stage): PlayedRoom {
  const { world, timeline, signal } = stage;
  const tokens = plan.people.map((name) => createToken(world.jwtSecret, name));
  const devices = plan.people.map((name, at) =>
    createRawDevice({
      ...{ name, conversation: plan.id, token: tokens[at] ?? "", edges: world.edgeUrls, firstEdge: at },
      ...{ random: createRandom(`${seed}/${name}`), now: timeline.now, knows: ["unknown", "posts"] },
    }),
  );
  const accepted: Accepted[] = [];
  const counts = { edits: 0, reactions: 0 };
  const playing = { ...stage, plan, tokens, devices, accepted, counts, calls: createRoomCalls(world.edgeUrls, signal) };
  let absence: Absence | undefined;
  const play = async (): Promise<void> => {
    for (const device of devices) device.connect();
    await say(playing, {
      kind: "ask",
      id: "hello",
      text: "Hello.\n/sim tokens=3 rate=0",
      isRepeated: true,
      atMs: 0,
      by: 0,
    });
    await timeline.at(plan.invitedAtMs, () => letIn(playing, [1, 2, 3]));
    const beganAtMs = timeline.now();
    const acts = plan.acts.map((act) => timeline.at(beganAtMs + act.atMs, () => doAct(playing, act)));
    absence = await sendAway(playing, beganAtMs);
    await Promise.allSettled(acts);
  };
  return {
    plan,
    devices,
    accepted,
    get absence() {
      return absence;
    },
    get edits() {
      return counts.edits;
    },
    get reactions() {
      return counts.reactions;
    },
    finished: play().catch((error: unknown) => timeline.note(`room ${plan.id}: ${String(error)}`)),
    close: () => devices.forEach((device) => device.close()),
  };
}

const Invited = z.object({ invite: z.string() });

/** By a link that the owner has made. */
async function letIn({ plan, calls, tokens, devices }: Playing, places: readonly number[]): Promise<void> {
  const { body } = await calls.call(tokens[0] ?? "", "POST", `${plan.id}/invites`, { role: "writer" });
  const { invite } = Invited.parse(body);
  await Promise.all(
    places.map(async (place) => {
      const { status } = await calls.call(tokens[place] ?? "", "POST", "join", { invite });
      if (status >= 300) throw new Error(`${plan.people[place]} could not join: ${status}`);
      devices[place]?.watch();
    }),
  );
}

async function sendAway(playing: Playing, beganAtMs: number): Promise<Absence> {
  const { plan, calls, tokens, timeline, signal } = playing;
  await sleep(Math.max(0, beganAtMs + plan.removedAtMs - timeline.now()), signal);
  const last = plan.people.length - 1;
  const { status } = await calls.call(tokens[0] ?? "", "DELETE", `${plan.id}/members/${plan.people[last]}`);
  if (status >= 300) throw new Error(`nobody could be removed: ${status}`);
  const goneAtMs = timeline.now();
  await sleep(Math.max(1_000, beganAtMs + plan.backAtMs - timeline.now()), signal);
  const backAtMs = timeline.now();
  await letIn(playing, [last]);
  return { goneAtMs, backAtMs };
}

async function doAct(playing: Playing, act: Act): Promise<void> {
  const { devices } = playing;
  if (act.kind === "cut") return devices[act.by]?.cut();
  if (act.kind === "edit") return edit(playing, act);
  if (act.kind === "react") return react(playing, act);
  await say(playing, act);
}

async function say({ plan, devices, accepted }: Playing, act: Act & { kind: "post" | "ask" }): Promise<void> {
  const { id, text, kind, isRepeated } = act;
  const [device, by] = [devices[act.by], plan.people[act.by]];
  if (device === undefined || by === undefined) return;
  const question = {
    id: `${by} ${id}`,
    text,
    onBusy: "enqueue",
    agent: kind === "ask" ? "general" : undefined,
  } as const;
  const asked: Promise<Answer>[] = [device.ask(question)];
  if (isRepeated) asked.push(device.ask(question));
  const [answer] = await Promise.all(asked);
  // Who is no member at the moment is refused.
  if (answer?.kind === "accepted") accepted.push({ id: question.id, kind, by, turn: answer.turn });
}

async function edit({ plan, calls, tokens, accepted, counts }: Playing, act: Act & { kind: "edit" }): Promise<void> {
  const by = plan.people[act.by];
  const own = accepted.findLast((one) => one.by === by);
  if (own === undefined) return;
  const path = `${plan.id}/messages/${messageIdOf(own.turn, "user")}`;
  const { status } = await calls.call(tokens[act.by] ?? "", "PATCH", path, { message: act.text });
  if (status < 300) counts.edits += 1;
}

async function react({ plan, calls, tokens, devices, counts }: Playing, act: Act & { kind: "react" }): Promise<void> {
  const view = devices[act.by]?.view;
  const seen = view === undefined ? undefined : messages(view).findLast(({ author }) => author.role === "user");
  if (seen === undefined) return;
  const path = `${plan.id}/messages/${seen.message_id}/reactions/${encodeURIComponent(act.reaction)}`;
  const { status } = await calls.call(tokens[act.by] ?? "", "PUT", path);
  if (status < 300) counts.reactions += 1;
}
