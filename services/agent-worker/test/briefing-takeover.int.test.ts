import { encodeEvent, subjects, type ChainEvent, type StoredEvent, type TurnRequest } from "@parley/protocol";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

type Progress = Pick<Extract<StoredEvent, { type: "progress" }>, "step" | "message">;

/** What a worker has written that was lost on the way to the answer. */
async function leaveBegun({ bus }: Workbench, turn: TurnRequest, told: readonly Progress[]): Promise<void> {
  const { conversation_id, turn_id } = turn;
  const subject = subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const at = (n: number) => ({ conversation_id, turn_id, attempt: 1, n, ts: Date.now() });
  const chain: ChainEvent[] = [
    { type: "claimed", ...at(0), worker: "lost" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    ...told.map((progress, i): ChainEvent => ({ type: "progress", ...at(i + 2), ...progress })),
  ];
  for (const event of chain) await bus.events.append({ subject, data: encodeEvent(event) });
}

async function toldOf(bench: Workbench, turn: TurnRequest): Promise<string[]> {
  const events = (await bench.events(turn)).map(({ event }) => event);
  return events.flatMap((event) => (event.type === "progress" ? [`${event.step}: ${event.message}`] : []));
}

/** What begins while another word of the same step waits to be written is not told. */
const begins = new Set(["agent_routing: Choosing an agent", "rag_retrieval: Searching the documents"]);
const known = [
  "agent_routing: The agent specs answers",
  expect.stringMatching(/^rag_retrieval: Found \d passages?$/),
  expect.stringMatching(/^generating: /),
];

it.each([
  ["nothing", []],
  ["half of it", [{ step: "agent_routing", message: "Choosing an agent" }]],
])(
  "a worker that takes a turn over whose viewers were told %s of the way to the answer tells the rest, once",
  async (_, told) => {
    await using bench = await startWorkbench();
    const turn = await bench.ask("What is the engine power?");
    await leaveBegun(bench, turn, told);
    await bench.addWorker();
    expect(await bench.ended(turn)).toMatchObject({ type: "complete", attempt: 2 });
    const all = await toldOf(bench, turn);
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((text) => !begins.has(text))).toEqual(known);
  },
);
