import { jsonTextBytes, limits, type StoredEvent } from "@parley/protocol";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
beforeAll(async () => void (bench = await startWorkbench()));
afterAll(() => bench[Symbol.asyncDispose]());

const kinds = new Set(["reasoning", "token", "turn_restarted", "tool_call_start"]);
const shownOf = (events: readonly StoredEvent[]) => events.filter(({ type }) => kinds.has(type));

/** What a viewer who starts anew at each restart has of the reasoning since. */
function reasoningOf(events: readonly StoredEvent[]): string {
  const from = events.findLastIndex(({ type }) => type === "turn_restarted") + 1;
  return events.slice(from).reduce((text, event) => (event.type === "reasoning" ? text + event.token : text), "");
}

async function answered(sim: string, env: Record<string, string> = {}) {
  await using _worker = await bench.addWorker(env);
  const turn = await bench.ask("hello", { sim });
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  expect(textOf(events)).toBe(end.response);
  return { end, events };
}

const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i} `).join("");

describe("reasoning", () => {
  it("comes before the answer, token by token, and is no part of it", async () => {
    const { end, events } = await answered("think=40 tokens=5 rate=200");
    expect(reasoningOf(events)).toBe(numbered("t", 40));
    expect(end.response.trim()).toBe(numbered("w", 5).trim());
    expect(shownOf(events)[0]).toMatchObject({ type: "reasoning" });
    expect(shownOf(events)[0]).not.toHaveProperty("shown");
    expect(events.filter(({ type }) => type === "reasoning").length).toBeGreaterThan(1);
  });

  it("is kept up to the limit of a turn, and says that there was more", async () => {
    const { events } = await answered("think=9000 tokens=5 rate=0");
    const reasoning = reasoningOf(events);
    expect(jsonTextBytes(reasoning)).toBeLessThanOrEqual(limits.turnReasoningBytes);
    expect(reasoning.endsWith("\n[the rest of the reasoning is not kept]")).toBe(true);
  });

  it("of a worker that was lost is dropped when the next one thinks", async () => {
    const first = await bench.addWorker();
    const turn = await bench.ask("hello", { sim: "think=400 tokens=5 rate=50" });
    await bench.seen(turn, ({ type }) => type === "reasoning");
    await first.kill("SIGKILL");
    await using _second = await bench.addWorker();
    const end = await bench.ended(turn);
    const events = (await bench.events(turn)).map(({ event }) => event);
    expect(end.type).toBe("complete");
    expect(shownOf(events).find((event) => "attempt" in event && event.attempt === 2)).toMatchObject({
      type: "turn_restarted",
    });
    expect(reasoningOf(events)).toBe(numbered("t", 400));
  }, 40_000);

  it.each([
    ["shown", [true]],
    ["dropped", []],
  ])("is %s where the agent says so", async (mode, marks) => {
    await using folder = await tempDir();
    const agent = `name: general\ndescription: All.\nexamples: []\nsystem_prompt: Help.\nreasoning: ${mode}\n`;
    await writeFile(path.join(folder.path, "general.yaml"), agent);
    const { events } = await answered("think=10 tokens=5", { AGENTS_DIR: folder.path });
    const seen = new Set(events.flatMap((event) => (event.type === "reasoning" ? [event.shown] : [])));
    expect([...seen]).toEqual(marks);
  });
});
