import type { ConversationView, TurnId } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createHeldRoute, createOnlooker, createWriters, questionOf } from "./support/storm.ts";

type Onlooker = ReturnType<typeof createOnlooker>;
type Writers = ReturnType<typeof createWriters>;

interface Place {
  readonly edge: EdgeUnderTest;
  readonly route: ReturnType<typeof createHeldRoute>;
}

let world: World;
let places: readonly Place[];
let runs = 0;

beforeAll(async () => {
  world = await createWorld();
  const routes = [createHeldRoute(), createHeldRoute()];
  // One edge forgets quickly, so that copies also come late that are below its ring.
  const limits = [{}, { ringEvents: 6, ringBytes: 4_096 }];
  places = await Promise.all(
    routes.map(async (route, i) => ({
      route,
      edge: await world.addEdge({ lose: route.lose, limits: { lingerMs: 500, ...limits[i] } }),
    })),
  );
});
afterAll(() => world[Symbol.asyncDispose]());

type Act =
  | { readonly kind: "write"; readonly what: "say" | "token" | "tool" | "endRunning" | "cancelWaiting" | "answer" }
  | { readonly kind: "pass"; readonly at: number; readonly choice: number; readonly copies: number }
  | { readonly kind: "come"; readonly who: number; readonly at: number }
  | { readonly kind: "cut"; readonly who: number };

const someone = fc.nat(2);
const somewhere = fc.nat(1);
const pass = fc.record({
  kind: fc.constant("pass" as const),
  at: somewhere,
  choice: fc.nat(20),
  copies: fc.integer({ min: 1, max: 8 }),
});
const come = fc.record({ kind: fc.constant("come" as const), who: someone, at: somewhere });
const cut = fc.record({ kind: fc.constant("cut" as const), who: someone });

const what = fc.oneof(
  { weight: 3, arbitrary: fc.constant("say" as const) },
  { weight: 6, arbitrary: fc.constant("token" as const) },
  { weight: 3, arbitrary: fc.constant("tool" as const) },
  { weight: 1, arbitrary: fc.constant("cancelWaiting" as const) },
  { weight: 2, arbitrary: fc.constant("endRunning" as const) },
  { weight: 2, arbitrary: fc.constant("answer" as const) },
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 13, arbitrary: fc.record({ kind: fc.constant("write" as const), what }) },
  { weight: 12, arbitrary: pass },
  { weight: 5, arbitrary: come },
  { weight: 4, arbitrary: cut },
);

async function play(one: Act, writers: Writers, onlookers: readonly Onlooker[]): Promise<void> {
  switch (one.kind) {
    case "write":
      return writers[one.what]();
    case "pass": {
      const { edge, route } = places[one.at]!;
      // What was stored before has come.
      await edge.bus.events.flush();
      return route.pass(one.choice, one.copies);
    }
    case "come":
      return onlookers[one.who]!.come(places[one.at]!.edge);
    case "cut": {
      const onlooker = onlookers[one.who]!;
      await onlooker.catchBreath();
      return onlooker.cut();
    }
  }
}

interface Known {
  readonly question: string | undefined;
  readonly text: string;
  /** How it ended, and with which text. */
  readonly end: readonly [status: string, response: string] | undefined;
  /** Finished calls of a turn that has not ended. */
  readonly calls: number;
}

/** What the messages of a snapshot say of a turn. */
function toldOf({ transcript }: ConversationView, id: TurnId): Known {
  const told = transcript.filter(({ turn_id }) => turn_id === id);
  const answer = told.find(({ author }) => author.role === "assistant");
  const question = told.find(({ author }) => author.role === "user")?.message;
  const end = answer === undefined ? undefined : ([answer.status, answer.message] as const);
  return { question, text: answer?.message ?? "", end, calls: 0 };
}

/** What somebody knows of a turn, however it was told. */
function knownOf(view: ConversationView, id: TurnId): Known {
  const told = toldOf(view, id);
  const turn = shownTurn(view, id);
  if (turn === undefined) return told;
  const { message, text, outcome, tool_calls } = turn;
  const finished = tool_calls.filter(({ status }) => status === "completed");
  return {
    question: message?.message ?? told.question,
    text,
    end: outcome === undefined ? told.end : [outcome.type, outcome.response],
    calls: outcome === undefined ? finished.length : 0,
  };
}

function expectAll(writers: Writers, onlooker: Onlooker): void {
  const view = onlooker.fold();
  for (const { id, text, outcome, calls } of writers.all()) {
    expect({ id, ...knownOf(view, id) }).toEqual({
      id,
      question: questionOf(id),
      text,
      end: outcome === undefined ? undefined : [outcome.type, text],
      calls: outcome === undefined ? calls : 0,
    });
  }
}

async function storm(acts: readonly Act[]): Promise<void> {
  const conversation = `storm-${++runs}`;
  await world.bus.owners.claim(conversation, "ann");
  const writers = createWriters(world.bus, conversation);
  const onlookers = [0, 1, 2].map(() => createOnlooker(world, conversation, writers.log));
  try {
    for (const one of acts) await play(one, writers, onlookers);
    await Promise.all(onlookers.map((onlooker, i) => onlooker.come(places[i % places.length]!.edge)));
    let failure: unknown;
    await eventually(
      async () => {
        for (const { edge, route } of places) {
          await edge.bus.events.flush();
          route.passAll();
        }
        for (const onlooker of onlookers) await onlooker.catchBreath();
        try {
          for (const onlooker of onlookers) expectAll(writers, onlooker);
        } catch (error) {
          failure = error;
          return false;
        }
        return true;
      },
      { what: "everybody has all of it", timeoutMs: 4_000 },
    ).catch((error: unknown) => {
      throw failure ?? error;
    });
    expect(onlookers.flatMap(({ faults }) => faults)).toEqual([]);
  } finally {
    for (const onlooker of onlookers) onlooker.cut();
    for (const { route } of places) route.clear();
  }
}

it("shows everybody all of a conversation, once and in order, whichever copies are late and whoever is cut", async () => {
  await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 80 }), storm), {
    numRuns: 30,
    // Shrinking would play some hundred of them again.
    endOnFailure: true,
  });
}, 600_000);
