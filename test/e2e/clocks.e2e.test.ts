import { startJumpingClock, startSystem, type JumpingClock, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startModelStub, type ModelStub } from "./model-stub.ts";
import { person } from "./person.ts";

const hourMs = 3_600_000;
const names = ["edge", "agent-worker", "tool-worker"] as const;
type Name = (typeof names)[number];

let model: ModelStub;
let system: System;
let clocks: Record<Name, JumpingClock>;
/** The rest of the answers that wait for it. */
let goOn = (): void => {};

beforeAll(async () => {
  model = await startModelStub(({ question, results }) => {
    if (question === "pods" && results.length === 0)
      return { calls: [{ name: "k8s_list_pods", arguments: { namespace: "shop" } }] };
    if (question !== "long") return { text: `You said ${question}.` };
    const after = new Promise<void>((resolve) => (goOn = resolve));
    return { text: "The beginning", more: { after, text: " and the end." } };
  });
  const [edge, agent, tool] = await Promise.all(names.map(() => startJumpingClock()));
  clocks = { edge: edge!, "agent-worker": agent!, "tool-worker": tool! };
  system = await startSystem({
    env: {
      edge: clocks.edge.env,
      "agent-worker": {
        ...clocks["agent-worker"].env,
        ...{ OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub", ACK_WAIT_MS: "2000" },
      },
      "tool-worker": clocks["tool-worker"].env,
    },
  });
});

afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await Promise.all([model, ...Object.values(clocks)].map((each) => each[Symbol.asyncDispose]()));
});

/** A turn that runs while the clock jumps, one that waits behind it, and one with a tool beside them. */
async function chatOver(jump: () => Promise<void>): Promise<void> {
  using anna = await person(system.edges[0]!);
  const [chat, beside] = [anna.conversation(), anna.conversation()];
  const { turn_id } = await chat.send("long");
  const waiting = await chat.send("next");
  await expect.poll(() => shownTurn(chat.view, turn_id)?.text).toBe("The beginning");
  await jump();
  const pods = await beside.send("pods", { agent: "kubernetes" });
  const withTool = await beside.untilEnd(pods.turn_id);
  expect(withTool).toMatchObject({ type: "complete", response: "You said pods." });
  expect(withTool.tool_calls).toMatchObject([{ tool_name: "k8s_list_pods", status: "completed" }]);
  goOn();
  expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete", response: "The beginning and the end." });
  expect(await chat.untilEnd(waiting.turn_id)).toMatchObject({ type: "complete", response: "You said next." });
  expect(shownTurn(chat.view, turn_id)?.text).toBe("The beginning and the end.");
}

it.each(names.flatMap((name) => [1, -1].map((hours) => [name, hours] as const)))(
  "P1, P2, P4: a clock of the %s that jumps by %d h and back ends, cuts and forgets nothing",
  async (name, hours) => {
    await chatOver(() => clocks[name].jumpTo(hours * hourMs));
    await chatOver(() => clocks[name].jumpTo(0));
  },
);

it.each([1, -1])(
  "P1, P2: a worker whose clock is %d h off takes a turn over from one whose clock is right",
  async (hours) => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const { turn_id } = await chat.send("long");
    await expect.poll(() => shownTurn(chat.view, turn_id)?.text).toBe("The beginning");
    await clocks["agent-worker"].jumpTo(hours * hourMs);
    await system.agentWorkers[0]!.restart();
    const asked = model.asked.length;
    await expect.poll(() => model.asked.length, { timeout: 15_000 }).toBeGreaterThan(asked);
    await expect.poll(() => shownTurn(chat.view, turn_id)?.text).toBe("The beginning");
    goOn();
    expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete", response: "The beginning and the end." });
    await clocks["agent-worker"].jumpTo(0);
  },
);

it.each([1, -1])("P1, P2: a broker that restarts when all clocks have jumped by %d h is found again", async (hours) => {
  await chatOver(async () => {
    for (const name of names) await clocks[name].jumpTo(hours * hourMs);
    await system.nats.restart();
  });
  for (const name of names) await clocks[name].jumpTo(0);
});
