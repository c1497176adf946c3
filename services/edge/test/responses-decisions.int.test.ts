import { responseIdOf } from "@parley/dialects";
import { askedEventOf, callIdOf, type FactOf } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor, tool, type Asking, type WaitingTurn } from "./support/waiting-turn.ts";

let world: World;
let edge: EdgeUnderTest;
let ann: TestClient;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

async function begin(beside?: Asking["beside"]): Promise<WaitingTurn> {
  ann = await world.connect(edge);
  const waiting = await askFor(world, ann, beside === undefined ? {} : { beside });
  await ann.next("waiting");
  return waiting;
}

interface Word {
  readonly segment?: number;
  readonly call?: string;
  readonly approve?: boolean;
}

function decide({ conversation_id, turn_id }: WaitingTurn, words: readonly Word[]) {
  const input = words.map(({ segment = 0, call = "0-0", approve = true }) => {
    const token = responseIdOf({ conversation_id, turn_id, segment }).slice("resp_".length);
    return { type: "mcp_approval_response", approval_request_id: `mcpr_${token}_${call}`, approve };
  });
  return ask(edge, "POST", "/v1/responses", { body: { input, background: true } });
}

/** What counts of the call, by its fact. */
async function decided({ conversation_id: conversation, turn_id: turn }: WaitingTurn, index = 0) {
  const call = callIdOf(turn, 0, index);
  const found = await world.bus.facts.readStored("decided", { conversation, turn, call });
  return found?.fact.kind === "decided" ? found.fact.approved : undefined;
}

/** One more call of the same step, to which somebody else has to agree. */
async function alsoAsk({ conversation_id, turn_id, chain, event, fact }: WaitingTurn): Promise<void> {
  const call_id = callIdOf(turn_id, 0, 1);
  const common = { conversation_id, turn_id, ts: Date.now() };
  const asked: FactOf<"asked"> = {
    ...{ kind: "asked", v: 1, ...common, call_id, tool_name: tool.tool_name, summary: "Scales it.", hash: "h" },
    ...{ preview: { kind: "diff", text: "+ 3" }, expires_at: common.ts + 900_000, four_eyes: true },
  };
  await chain({ type: "tool_call_start", call_id, ...tool });
  await fact(asked);
  await event(`asked.${call_id}`, askedEventOf(asked, tool.arguments));
}

describe("a request with decisions that is refused", () => {
  it.each([
    ["of a response that its turn does not have", { segment: 7 }],
    ["of a response that did not ask for the call", { segment: 1 }],
    ["on a call that there is not", { call: "0-4" }],
  ])("(%s) has decided nothing", async (_what, word) => {
    const waiting = await begin();
    for (const approve of [true, false]) {
      const { status, body } = await decide(waiting, [{ ...word, approve }]);
      expect([status, body.error]).toMatchObject([404, { code: "not_found", param: "input" }]);
    }
    expect(await decided(waiting)).toBeUndefined();
  });

  it("for one of several has decided none of them", async () => {
    const waiting = await begin(alsoAsk);
    const { status } = await decide(waiting, [{}, { call: "0-1" }]);
    expect(status).toBe(403);
    expect([await decided(waiting), await decided(waiting, 1)]).toEqual([undefined, undefined]);
    // To say no nobody needs somebody else.
    expect((await decide(waiting, [{}, { call: "0-1", approve: false }])).status).toBe(200);
    expect([await decided(waiting), await decided(waiting, 1)]).toEqual([true, false]);
  });

  it("because it contradicts itself has decided nothing", async () => {
    const waiting = await begin();
    expect((await decide(waiting, [{}, { approve: false }])).body.error).toMatchObject({ param: "input[1]" });
    expect(await decided(waiting)).toBeUndefined();
  });

  it("because it was decided otherwise before says so", async () => {
    const waiting = await begin(alsoAsk);
    expect((await decide(waiting, [{ approve: false }])).status).toBe(200);
    expect((await decide(waiting, [{ call: "0-1", approve: false }, { approve: true }])).status).toBe(409);
    expect([await decided(waiting), await decided(waiting, 1)]).toEqual([false, undefined]);
  });
});

describe("a decision", () => {
  it("is taken again, and answered by what comes then", async () => {
    const waiting = await begin();
    const { conversation_id, turn_id } = waiting;
    const id = responseIdOf({ conversation_id, turn_id, segment: 1 });
    for (let times = 0; times < 2; times++) {
      expect(await decide(waiting, [{}])).toMatchObject({ status: 200, body: { id, status: "in_progress" } });
    }
  });
});
