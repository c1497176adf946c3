import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { startModelStub } from "./model-stub.ts";
import { person } from "./person.ts";

const limits = `
roles:
  everybody:
    actions: ["conversation:*", "agent:use", "model:use", "tool:run"]
    agents: ["general"]
    models: ["small"]
    tools: ["demo_echo"]
`;

it("P9: the model never hears of a tool that a role lacks, and a call of it is refused and never run", async () => {
  await using folder = await tempDir();
  const file = path.join(folder.path, "limits.yaml");
  const counter = path.join(folder.path, "counter");
  await writeFile(file, limits);
  await using model = await startModelStub(({ results, question }) => {
    if (results.length > 0) return { text: results.join("\n") };
    return { calls: [{ name: question, arguments: { text: "hello" } }] };
  });
  await using system = await startSystem({
    env: {
      edge: { LIMITS_FILE: file },
      "agent-worker": { LIMITS_FILE: file, OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub" },
      "tool-worker": { LIMITS_FILE: file, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counter },
    },
  });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const ask = async (message: string) => chat.untilEnd((await chat.send(message)).turn_id);

  expect(await ask("demo_counter")).toMatchObject({
    type: "complete",
    response: expect.stringContaining("not allowed to use the tool demo_counter"),
    tool_calls: [{ tool_name: "demo_counter", status: "failed" }],
    metadata: { agent: "general" },
  });
  expect(await ask("demo_echo")).toMatchObject({ tool_calls: [{ tool_name: "demo_echo", status: "completed" }] });
  expect(new Set(model.asked.flatMap(({ tools }) => tools))).toEqual(new Set(["demo_echo"]));
  await expect(chat.send("hello", { model: "large" })).rejects.toMatchObject({ code: "FORBIDDEN" });
});
