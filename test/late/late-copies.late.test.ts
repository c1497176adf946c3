import { isTerminal, subjects } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasEnded } from "../chaos/audience.ts";
import type { Device } from "../chaos/clients/device.ts";
import { accepted, createGate, startLateWorld, type LateWorld } from "./late-world.ts";

/**
 * The live copies of stored events come after the broker's answers, or after each other: as from another server of a cluster, or from a
 * busy one. Real processes; every device's whole recording is compared with what is stored.
 */

let world: LateWorld;

beforeAll(async () => {
  world = await startLateWorld();
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  for (const edge of world.edges) edge.treat = () => undefined;
});

const question = (id: string, sim: string) => ({
  id,
  text: `Count. (${id})\n/sim ${sim}`,
  onBusy: "enqueue" as const,
  agent: undefined,
});
const toolQuestion = (id: string, text: string) => ({ id, text, onBusy: "enqueue" as const, agent: "general" });

const greetingsOf = ({ recording: { entries } }: Device): number =>
  entries.filter((entry) => entry.kind === "frame" && entry.frame.type === "subscribed").length;
/** An edge has said how the device goes on. */
const greeted = (device: Device, times: number): Promise<boolean> =>
  eventually(() => greetingsOf(device) >= times, { what: "an answer to who looks on", timeoutMs: 10_000 });

const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);
const seesEnd = (device: Pick<Device, "until">, turn: string, ms = 5_000): Promise<void> =>
  device.until((view) => hasEnded(view, turn), within(ms));
const isStored = (conversation: string, turn: string, type: string): Promise<boolean> =>
  eventually(async () => (await world.events(conversation)).some((at) => at.turn === turn && at.event.type === type), {
    what: `${type} of ${turn}`,
    timeoutMs: 20_000,
  });

describe("the end of an answer that comes after a request to cancel it, which was stored behind it", () => {
  it.each([1, 2, 3, 4, 5, 6])("is told to every viewer (%i)", { timeout: 60_000 }, async (round) => {
    const conversation = `behind-${round}`;
    const [edge, other] = world.edges;
    const gate = createGate();
    edge.treat = ({ type, conversation: of }) => {
      if (of !== conversation) return undefined;
      if (type === "cancel_requested") queueMicrotask(gate.open);
      return type === "complete" ? { hold: gate.opened } : undefined;
    };
    const asker = world.device(conversation, [edge]);
    const turn = await accepted(asker.ask(question(`${conversation}-1`, "tokens=20 rate=60")));
    const viewers = [
      asker,
      world.device(conversation, [edge]),
      world.device(conversation, [edge]),
      world.device(conversation, [other]),
    ];
    for (const viewer of viewers.slice(1)) viewer.watch();
    const stream = world.stream(conversation, [edge], {
      id: `${conversation}-1`,
      message: `Count. (${conversation}-1)\n/sim tokens=20 rate=60`,
    });
    await isStored(conversation, turn, "complete");
    // As an edge does that had asked a moment before whether the turn runs.
    await world.bus.events.writeOnce(subjects.control(0, conversation, turn), {
      type: "cancel_requested",
      conversation_id: conversation,
      turn_id: turn,
      ts: Date.now(),
      by: "late",
      reason: "cancelled by user",
    });
    await gate.opened;
    const ends = await Promise.allSettled([...viewers, stream].map((viewer) => seesEnd(viewer, turn, 3_000)));
    expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(0);
    expect(await world.violations(conversation, 0)).toEqual([]);
  });
});

describe("who joins while copies are behind the broker's answers", () => {
  it.each([1, 2, 3, 4])("is shown nothing twice (%i)", { timeout: 120_000 }, async (round) => {
    const conversation = `behind-answers-${round}`;
    for (const edge of world.edges) edge.treat = () => ({ hold: 100 + 150 * Math.random(), lane: "all" });
    const asker = world.device(conversation, world.edges);
    asker.watch();
    const visitors: Device[] = [];
    for (let asked = 0; asked < 5; asked++) {
      const ask = asker.ask(question(`${conversation}-${asked}`, "tokens=4 rate=0"));
      for (let joining = 0; joining < 6; joining++) {
        const visitor = world.device(conversation, world.edges.slice(joining % 2));
        visitor.watch();
        visitors.push(visitor);
        await greeted(visitor, 1);
      }
      await accepted(ask);
    }
    const stored = await eventually(
      async () => {
        const events = await world.events(conversation);
        return events.filter(({ event }) => isTerminal(event.type)).length === 5 && events;
      },
      { what: "all ends", timeoutMs: 20_000 },
    );
    const last = stored.findLast(({ event }) => isTerminal(event.type))?.turn ?? "";
    await Promise.allSettled([asker, ...visitors].map((device) => seesEnd(device, last, 10_000)));
    const violations = await world.violations(conversation, 250);
    const harmed = new Set(violations.map(({ device }) => device)).size;
    expect({ harmed, of: visitors.length + 1, violations: violations.slice(0, 4) }).toEqual({
      harmed: 0,
      of: 31,
      violations: [],
    });
  });
});

describe.each(["message", "tool result", "end"] as const)(
  "the %s that was passed over when a stream was cut",
  (kind) => {
    it.each([
      ["another edge", 1],
      ["the same edge", 0],
    ])("is in what the stream gets from %s", { timeout: 60_000 }, async (_where, back) => {
      const conversation = `stream-over-${kind.replace(" ", "-")}-${back}`;
      const [edge, other] = world.edges;
      const gate = createGate();
      const holds = isHeld(kind, conversation);
      edge.treat = (copy) => (holds(copy) ? { hold: gate.opened } : undefined);
      const { onBusy: _, agent: __, text: message, id } = questionOf(kind, conversation);
      const stream = world.stream(conversation, [edge, world.edges[back] ?? edge], { id, message });
      const viewer = world.device(conversation, [other]);
      const turn = await eventually(() => stream.turn(), { what: "the turn", timeoutMs: 10_000 });
      viewer.watch();
      await passOver(kind, conversation, turn, { asker: viewer, overtaken: stream });
      // The edge may have looked for the end, and told it, when the next answer began: then the stream is over.
      if (shownTurn(stream.view, turn)?.outcome === undefined) {
        stream.cut();
        await eventually(() => stream.reconnects() > 0, { what: "the way back", timeoutMs: 10_000 });
      }
      if (kind !== "end")
        for (const { request } of await world.bus.turns.waiting(conversation)) viewer.cancel(request.turn_id);
      if (back === 0) gate.open();
      await eventually(() => stream.hasEnded(), { what: "the end of the stream", timeoutMs: 5_000 });
      gate.open();
      for (const { request } of await world.bus.turns.waiting(conversation)) viewer.cancel(request.turn_id);
      await allEnded(conversation);
      await hasAll(conversation);
    });
  },
);

type Overtaken = "message" | "tool result" | "end";

function questionOf(kind: Overtaken, conversation: string) {
  const id = `${conversation}-1`;
  if (kind === "message") return question(id, "tokens=400 rate=50");
  if (kind === "end") return question(id, "tokens=30 rate=60");
  return toolQuestion(id, 'call the tool demo_sleep with {"ms": 300}\n/sim tokens=200 rate=40');
}

type Viewer = Pick<Device, "view" | "until">;

/** Brings a viewer past an event of which its edge has no copy yet. Returns the turn of the event. `turn` is the first one. */
async function passOver(
  kind: Overtaken,
  conversation: string,
  turn: string,
  { asker, overtaken }: { asker: Device; overtaken: Viewer },
): Promise<string> {
  const textOf = (): string => shownTurn(overtaken.view, turn)?.text ?? "";
  if (kind === "message") {
    await overtaken.until(() => textOf() !== "", within(10_000));
    const waiting = await accepted(asker.ask(question(`${conversation}-2`, "tokens=5 rate=50")));
    const { length } = textOf();
    await overtaken.until(() => textOf().length > length + 20, within(10_000));
    return waiting;
  }
  await isStored(conversation, turn, kind === "end" ? "complete" : "tool_call_end");
  const next = await accepted(asker.ask(question(`${conversation}-2`, "tokens=200 rate=40")));
  // An edge that is slow to take up the next question may have looked for the end of the first one, and told it: a stream is over with that.
  await overtaken.until((view) => shownTurn(view, next)?.message !== undefined || hasEnded(view, turn), within(10_000));
  return turn;
}

/** Every device has exactly what is stored, now or soon. */
async function hasAll(conversation: string): Promise<void> {
  const isWhole = async (): Promise<boolean> => (await world.violations(conversation, 1_000)).length === 0;
  await eventually(isWhole, { what: "all that is stored" }).catch(() => undefined);
  expect(await world.violations(conversation, 1_000), world.lately(conversation).join("\n")).toEqual([]);
}

const allEnded = (conversation: string): Promise<boolean> =>
  eventually(async () => (await world.bus.turns.waiting(conversation)).length === 0, {
    what: "the ends",
    timeoutMs: 30_000,
  });

function isHeld(kind: Overtaken, conversation: string) {
  return (copy: { conversation: string; type: string; text: string }): boolean => {
    if (copy.conversation !== conversation) return false;
    if (kind === "message") return copy.type === "message" && copy.text.includes(`${conversation}-2`);
    // The turn behind it is cancelled.
    return copy.type === (kind === "end" ? "complete" : "tool_call_end");
  };
}

describe.each(["message", "tool result", "end"] as const)(
  "the %s that was passed over when a viewer was cut",
  (kind) => {
    const cases = [
      ["the other edge", 1],
      ["the same edge, while its copy is still under way", 0],
      ["the other edge, the first one being dead", 1],
    ] as const;
    it.each(cases)("is seen by it once it is back at %s", { timeout: 90_000 }, async (where, back) => {
      const conversation = `over-${kind.replace(" ", "-")}-${cases.findIndex(([name]) => name === where)}`;
      const [edge, other] = world.edges;
      const gate = createGate();
      const holds = isHeld(kind, conversation);
      edge.treat = (copy) => (holds(copy) ? { hold: gate.opened } : undefined);
      const viewer = world.device(conversation, [edge, world.edges[back]]);
      // Somebody else's hub there, so that it is not the viewer who opens it.
      world.device(conversation, [other]).watch();
      const first = await accepted(viewer.ask(questionOf(kind, conversation)));
      const turn = await passOver(kind, conversation, first, { asker: viewer, overtaken: viewer });
      const greetings = greetingsOf(viewer);
      if (where.includes("dead")) await edge.service.kill("SIGKILL");
      else viewer.cut();
      await eventually(() => viewer.reconnects() > 0, { what: "the way back", timeoutMs: 10_000 });
      if (back === 0) await greeted(viewer, greetings + 1);
      gate.open();
      const isShown = (view: Device["view"]): boolean => {
        if (view.transcript.some((message) => message.turn_id === turn)) return true;
        const seen = shownTurn(view, turn);
        if (kind === "message") return seen?.message !== undefined;
        if (kind === "end") return seen?.outcome !== undefined;
        const calls = seen?.tool_calls ?? [];
        return calls.length > 0 && calls.every(({ status }) => status !== undefined);
      };
      const outcome = await viewer.until(isShown, within(2_000)).then(
        () => "seen",
        () => "missed",
      );
      for (const { request } of await world.bus.turns.waiting(conversation)) viewer.cancel(request.turn_id);
      if (where.includes("dead")) await edge.service.restart();
      await allEnded(conversation);
      expect(outcome, world.lately(conversation).join("\n")).toBe("seen");
      await hasAll(conversation);
    });
  },
);
