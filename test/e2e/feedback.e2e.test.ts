import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually, startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const adminToken = "an-admin-token-for-tests-of-32-bytes";

const Messages = z.object({
  messages: z.array(z.object({ message_id: z.string(), feedback: z.object({ rating: z.string() }).optional() })),
});

it("what a person says of an answer is kept through the death of an edge, told elsewhere, and exported", async () => {
  await using system = await startSystem({ edges: 2, toolWorkers: 0, env: { edge: { ADMIN_TOKEN: adminToken } } });
  const [edge, other] = system.edges;
  if (edge === undefined || other === undefined) throw new Error("two edges");
  using phone = await person(edge);
  const chat = phone.conversation();
  const { turn_id } = await chat.send("Hello\n/sim tokens=5 rate=200");
  await chat.untilEnd(turn_id);

  const authorization = `Bearer ${await devToken(other, "anna")}`;
  const headers = { authorization, "content-type": "application/json" };
  const addressAt = (port: number): string => `http://127.0.0.1:${port}/api/v1/conversations/${chat.id}/messages`;
  const rate = (port: number, body: object): Promise<Response> =>
    fetch(`${addressAt(port)}/${turn_id}-a/feedback`, { method: "PUT", headers, body: JSON.stringify(body) });
  expect((await rate(edge.port, { rating: "down", comment: "=1+1" })).status).toBe(200);
  await edge.kill();

  const { messages } = Messages.parse(await (await fetch(addressAt(other.port), { headers })).json());
  expect(messages.find(({ message_id }) => message_id === `${turn_id}-a`)?.feedback).toEqual({
    rating: "down",
  });
  const cli = path.join(root, "scripts/feedback/main.ts");
  const run = (...args: string[]) =>
    promisify(execFile)(
      process.execPath,
      ["--conditions=source", "--import", "tsx", cli, "--admin", `http://127.0.0.1:${other.adminPort}`, ...args],
      { env: { ...process.env, ADMIN_TOKEN: adminToken } },
    );
  const [line = ""] = (await run("--texts")).stdout.split("\n");
  expect(JSON.parse(line)).toMatchObject({
    ...{ conversation_id: chat.id, turn_id, rating: "down", comment: "=1+1", user_id: "anna" },
    ...{ agent: "general", model: "parley-simulated", question: expect.stringContaining("Hello") },
  });
  expect((await run("--csv")).stdout).toContain(",down,'=1+1,");
  await expect(run("--rating", "sideways")).rejects.toMatchObject({
    stderr: expect.stringContaining("--rating: must be up or down"),
  });

  await fetch(`http://127.0.0.1:${other.port}/api/v1/conversations/${chat.id}`, { method: "DELETE", headers });
  await eventually(async () => (await run()).stdout === "", { what: "an export without what was deleted" });
});
