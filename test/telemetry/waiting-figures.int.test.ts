import path from "node:path";
import { pendingApprovals } from "@parley/protocol";
import { eventually, startSystem, tempDir, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { person } from "../e2e/person.ts";

const waits = 50;

/** Sums of all processes, by name; of a figure with labels all of them together. */
async function figuresOf(services: readonly Service[]): Promise<(name: string, label?: string) => number> {
  const texts = services.map(async ({ adminPort }) => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text());
  const lines = (await Promise.all(texts)).join("\n").split("\n");
  return (name, label = "") =>
    lines
      .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

it(
  "turns that wait for a person are in no figure of load, and in those of their own",
  { timeout: 90_000 },
  async () => {
    await using folder = await tempDir();
    const demo = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: path.join(folder.path, "counter") };
    const env = { "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" }, "tool-worker": demo };
    await using system = await startSystem({ env });
    using anna = await person(system.edges[0]!);
    const chats = Array.from({ length: waits }, () => anna.conversation());
    // The tool worker may not have told of its tools yet.
    await eventually(
      async () => {
        const chat = anna.conversation();
        const { turn_id } = await chat.send("change the counter to 1");
        const state = await Promise.race([chat.untilEnd(turn_id), asked(chat)]);
        if (state === "asked") await chat.approve(`${turn_id}-0-0`, false);
        return state === "asked";
      },
      { what: "a tool that asks", timeoutMs: 30_000 },
    );
    const before = await figuresOf(system.agentWorkers);
    await Promise.all(chats.map((chat) => chat.send("change the counter to 42")));
    await Promise.all(chats.map(asked));
    await expect
      .poll(
        async () => {
          const figure = await figuresOf(system.agentWorkers);
          return {
            // What KEDA, alerts and boards take for work.
            load: figure("parley_turns_queue_waiting") + figure("parley_turns_running"),
            parked: figure("parley_turns_parked"),
            delivered: figure("parley_turns_queue_delivered"),
            begun:
              figure("parley_turn_waits_total", 'what="begun"') - before("parley_turn_waits_total", 'what="begun"'),
          };
        },
        { timeout: 20_000 },
      )
      .toEqual({ load: 0, parked: 0, delivered: waits, begun: waits });

    await Promise.all(chats.map((chat) => chat.approve(pendingApprovals(chat.view)[0]!.call.call_id, false)));
    await expect
      .poll(
        async () => {
          const figure = await figuresOf([...system.edges, ...system.agentWorkers]);
          return {
            denied: figure("parley_edge_approvals_total", 'outcome="denied"'),
            resumed: figure("parley_turn_waits_total", 'what="resumed"'),
            timed: figure("parley_decision_to_claim_seconds_count"),
            delivered: figure("parley_turns_queue_delivered"),
          };
        },
        { timeout: 20_000 },
      )
      .toEqual({ denied: waits + 1, resumed: waits + 1, timed: waits + 1, delivered: 0 });
  },
);

type Chat = ReturnType<Awaited<ReturnType<typeof person>>["conversation"]>;

async function asked(chat: Chat): Promise<"asked"> {
  const isAsked = (): boolean => pendingApprovals(chat.view).length === 1 && chat.view.turns[0]?.status === "waiting";
  await eventually(isAsked, { what: "the question", timeoutMs: 30_000 });
  return "asked";
}
