import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeJson, limits, subjects, type TurnRequest } from "@parley/protocol";
import { tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chunk, sendStream, startProvider } from "./model/fake-provider.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

type Message = { role: string; content: string | null };

let bench: Workbench;
let provider: Awaited<ReturnType<typeof startProvider>>;
let agents: Awaited<ReturnType<typeof tempDir>>;
const seen: string[] = [];

interface Asked {
  readonly messages: Message[];
  readonly tools?: { function: { name: string } }[];
}

/** What it is told to be remembered. */
function memoryIn([system]: readonly Message[]): string {
  return /<memory>\n([^]*)\n<\/memory>/.exec(system?.content ?? "")?.[1] ?? "no memory";
}

/** Calls what it is told to; else says what it is told to be remembered. */
async function startRemembering() {
  return startProvider((res, { body }) => {
    const { messages, tools = [] } = body as unknown as Asked;
    seen.push(JSON.stringify(tools.map((tool) => tool.function.name)));
    const { role, content } = messages.at(-1) ?? { role: "", content: "" };
    const asked = /^(remember|forget) (.*)$/s.exec(content ?? "");
    if (asked === null) {
      const text = role === "tool" ? content : memoryIn(messages);
      return sendStream(res, chunk({ content: text }), chunk({}, "stop"));
    }
    const [, name, value = ""] = asked;
    const args = JSON.stringify(name === "remember" ? { text: value } : { id: value });
    const call = { index: 0, id: "call_1", type: "function", function: { name, arguments: args } };
    sendStream(res, chunk({ role: "assistant", tool_calls: [call] }), chunk({}, "tool_calls"));
  });
}

const agentFile = (name: string, memory: boolean): string =>
  `name: ${name}\ndescription: Answers.\nexamples: []\nsystem_prompt: Be kind.\nmemory: ${memory}\n`;

beforeAll(async () => {
  agents = await tempDir();
  await writeFile(path.join(agents.path, "general.yaml"), agentFile("general", true));
  await writeFile(path.join(agents.path, "plain.yaml"), agentFile("plain", false));
  [bench, provider] = await Promise.all([startWorkbench(), startRemembering()]);
  await bench.addWorker(env());
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await agents[Symbol.asyncDispose]();
});

const env = () => ({ OPENAI_BASE_URL: provider.baseURL, OPENAI_MODEL: "test-model", AGENTS_DIR: agents.path });

async function say(message: string, who: { user?: string; tenant?: string; customer?: string; agent?: string } = {}) {
  const { user = "ann", tenant, customer, agent } = who;
  const turn_id = randomUUID().replaceAll("-", "");
  const request: TurnRequest = {
    ...{
      v: 1,
      turn_id,
      conversation_id: `c_${randomUUID()}`,
      user: { id: user },
      id: turn_id,
      message_id: `${turn_id}-u`,
      message,
    },
    ...{ accepted_at: Date.now(), caller: { roles: [], ...(tenant === undefined ? {} : { tenant }) } },
    ...(customer === undefined ? {} : { customer_id: customer }),
    ...(agent === undefined ? {} : { agent }),
  };
  await bench.bus.turns.submit(request);
  const end = await bench.ended(request);
  return { request, end };
}

const answered = async (...args: Parameters<typeof say>): Promise<string> => (await say(...args)).end.response;

it("remembers what it is told to, tells the viewers, and knows it in another conversation", async () => {
  const { request, end } = await say("remember I row on Sundays.");
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "remember", status: "completed" }] });
  const told = (await bench.events(request)).flatMap(({ event }) =>
    event.type === "progress" && event.step === "memory" ? [event.message] : [],
  );
  expect(told).toEqual(["Remembered: I row on Sundays."]);
  expect(await answered("What do you know?")).toMatch(/^\[m_[\w-]{16}\] I row on Sundays\.$/);
  expect(seen.at(-1)).toBe('["forget","remember"]');
});

it("forgets what it is told to", async () => {
  await say("remember I have a dog.", { user: "bea" });
  const id = /\[(m_[\w-]+)\]/.exec(await answered("?", { user: "bea" }))?.[1] ?? "";
  expect(await answered(`forget ${id}`, { user: "bea" })).toContain("Forgotten.");
  expect(await answered("?", { user: "bea" })).toBe("(nothing yet)");
});

it("shows nobody what is remembered of somebody else, of another tenant, or of another customer", async () => {
  await say("remember Alone.", { user: "cy" });
  await say("remember In the tenant.", { user: "cy", tenant: "acme" });
  await say("remember Of the customer.", { user: "cy", tenant: "acme", customer: "c1" });
  const whoever = [
    [{ user: "cy" }, "Alone."],
    [{ user: "cy", tenant: "acme" }, "In the tenant."],
    [{ user: "cy", tenant: "acme", customer: "c1" }, "Of the customer."],
    [{ user: "cy", tenant: "acme", customer: "c2" }, "(nothing yet)"],
    [{ user: "cy", customer: "c1" }, "(nothing yet)"],
    [{ user: "cy", tenant: "other" }, "(nothing yet)"],
    [{ user: "di", tenant: "acme" }, "(nothing yet)"],
  ] as const;
  for (const [who, known] of whoever) expect((await answered("?", who)).replace(/^\[m_[\w-]+\] /, "")).toBe(known);
});

it("offers nothing and looks nothing up where the user has switched it off, or the agent has none", async () => {
  await bench.bus.memories.change({ user: "ed", tenant: undefined }, ({ facts }) => ({ enabled: false, facts }));
  expect(await answered("?", { user: "ed" })).toBe("no memory");
  expect(seen.at(-1)).toBe("[]");
  expect(await answered("?", { user: "ann", agent: "plain" })).toBe("no memory");
  expect(seen.at(-1)).toBe("[]");
});

it("remembers a call once, although the worker is killed before it has its result", { timeout: 60_000 }, async () => {
  await using other = await startWorkbench();
  const first = await other.addWorker(env());
  // The call is committed and its fact stored, as a worker leaves them that dies before it writes the result.
  const turn = await other.ask("remember I sing.", { user: "fay" });
  await other.ended(turn);
  const stored = await other.bus.memories.of({ user: "fay", tenant: undefined });
  expect(stored.facts).toHaveLength(1);
  await first.kill("SIGKILL");
  const again = { ...turn, turn_id: `${turn.turn_id}x`, id: "again" };
  await other.bus.events.append({ subject: subjects.turns(again.conversation_id), data: encodeJson(again) });
  await other.addWorker(env());
  await other.ended(again);
  expect((await other.bus.memories.of({ user: "fay", tenant: undefined })).facts).toEqual(stored.facts);
});

it("keeps all facts of two workers that remember at the same time, and no more than there is room for", async () => {
  const owner = { user: "gus", tenant: undefined };
  const add = (n: number) =>
    bench.bus.memories.change(owner, ({ enabled, facts }) => ({
      enabled,
      facts: [...facts, { id: `m_${n}`, text: `Fact ${n}.`, by: "user", ts: n }],
    }));
  await Promise.all(Array.from({ length: 8 }, (_, n) => add(n)));
  expect((await bench.bus.memories.of(owner)).facts.map(({ id }) => id).toSorted()).toEqual(
    Array.from({ length: 8 }, (_, n) => `m_${n}`),
  );
  for (let n = 8; n < limits.memoryFacts; n++) await add(n);
  await expect(add(100)).rejects.toMatchObject({ code: "CONFLICT" });
  await bench.bus.memories.change(owner, ({ enabled }) => ({ enabled, facts: [] }));
  expect(await bench.bus.memories.of(owner)).toEqual({ enabled: true, facts: [] });
  await bench.bus.memories.of(owner);
});
