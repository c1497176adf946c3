import { eventually, startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const Agents = z.object({
  agents: z.array(z.object({ name: z.string(), description: z.string(), examples: z.array(z.string()).optional() })),
  models: z.array(z.object({ name: z.string() })),
  simulated: z.object({ model: z.boolean(), cluster: z.boolean() }).optional(),
});
const List = z.object({
  conversations: z.array(
    z.object({ conversation_id: z.string(), updated_at: z.number(), status: z.string().optional() }),
  ),
});

it("a page can ask for agents and models, what is simulated, and which conversations run or changed", async () => {
  await using system = await startSystem({ toolWorkers: 0 });
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("an edge");
  const headers = { authorization: `Bearer ${await devToken(edge, "anna")}` };
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${edge.port}/api/v1/${path}`, { headers })).json();
  const { agents, models, simulated } = await eventually(
    async () => {
      const offer = Agents.parse(await get("agents"));
      return offer.agents.length > 0 ? offer : undefined;
    },
    { what: "the agents" },
  );
  expect(agents.map(({ name }) => name)).toContain("general");
  expect(agents.every(({ examples = [] }) => examples.length <= 4)).toBe(true);
  expect(models).toEqual([{ name: "parley-simulated" }]);
  expect(simulated).toMatchObject({ model: true });

  using phone = await person(edge);
  const [long, short] = [phone.conversation(), phone.conversation()];
  const running = await long.send("Count\n/sim tokens=60 rate=30");
  const { turn_id } = await short.send("Hello\n/sim tokens=2 rate=200");
  await short.untilEnd(turn_id);
  const list = async () => List.parse(await get("conversations")).conversations;
  const before = await eventually(
    async () => {
      const all = await list();
      return all.find(({ conversation_id }) => conversation_id === long.id)?.status === "running" ? all : undefined;
    },
    { what: "the one that runs" },
  );
  expect(before[0]?.conversation_id).toBe(short.id);
  await long.untilEnd(running.turn_id);
  const [first] = await eventually(
    async () => {
      const all = await list();
      return all[0]?.conversation_id === long.id ? all : undefined;
    },
    { what: "the end of the long answer in the list" },
  );
  expect(first).not.toHaveProperty("status");
  expect(first?.updated_at).toBeGreaterThan(
    before.find(({ conversation_id }) => conversation_id === long.id)!.updated_at,
  );
});
