import path from "node:path";
import { startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "../e2e/person.ts";

const Line = z.looseObject({ level: z.string(), msg: z.string().optional() });

function parse(output: string): z.infer<typeof Line>[] {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => Line.parse(JSON.parse(line)));
}

const password = "hunter2-in-an-address";
const providerKey = "sk-hunter2hunter2hunter2";

it("says whose turn a line is about, and no secret, whatever fails", { timeout: 60_000 }, async () => {
  await using folder = await tempDir();
  const common = { TRACES_FILE: path.join(folder.path, "traces.jsonl"), LOG_LEVEL: "debug" };
  const unreachable = { ...common, REDIS_URL: `redis://parley:${password}@127.0.0.1:1` };
  const env = { edge: unreachable, "agent-worker": { ...unreachable, OPENAI_API_KEY: providerKey } };
  await using system = await startSystem({ env });
  const [edge, worker] = [system.edges[0]!, system.agentWorkers[0]!];

  const token = await devToken(edge, "anna");
  const asked = await fetch(`http://127.0.0.1:${edge.port}/api/v1/conversations?token=${token}`, {
    headers: { authorization: `Bearer ${token.slice(0, -4)}xxxx` },
  });
  expect(asked.status).toBe(401);
  using anna = await person(edge);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("hello\n/sim status=401");
  expect((await chat.untilEnd(turn_id)).type).toBe("error");

  const line = parse(worker.output()).find(({ msg }) => msg === "a turn ends with an error");
  expect(line).toMatchObject({
    level: "warn",
    turn_id,
    conversation_id: expect.stringMatching(/^c_/),
    trace_id: expect.stringMatching(/^[\da-f]{32}$/),
  });
  for (const output of [edge.output(), worker.output()]) {
    expect(parse(output).length).toBeGreaterThan(1);
    for (const secret of [password, providerKey, system.jwtSecret, token, token.split(".")[2] ?? token]) {
      expect(output).not.toContain(secret);
    }
  }
});
