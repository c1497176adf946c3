import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";

const run = promisify(execFile);
const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/http.md"), "utf8");
const printedAddress = "PARLEY=http://127.0.0.1:8000";

it("answers the examples of docs/http.md as they are printed", async () => {
  await using folder = await tempDir();
  await using system = await startSystem();
  const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(examples[0]).toContain(printedAddress);
  const script = examples.map((text) => `${text}\necho; echo ---`).join("\n");
  const address = `PARLEY=http://127.0.0.1:${system.edges[0]!.port}`;
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script.replace(printedAddress, address)], {
    cwd: folder.path,
  });
  const [, waited, keyed, watched, stopped, named, read, found, seed] = stdout.split("---").map((text) => text.trim());
  const answer = JSON.parse(waited!);
  expect(answer).toMatchObject({ session_id: "my-first", conversation_id: "my-first", tool_calls: [] });
  expect(answer.response).not.toBe("");
  const printed = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!);
  expect(Object.keys(answer)).toEqual(Object.keys(printed));
  expect(Object.keys(answer.metadata).toSorted()).toEqual(Object.keys(printed.metadata).toSorted());
  expect(JSON.parse(keyed!).conversation_id).toBe("my-first");
  expect(watched).toMatch(/^event: accepted\n[\s\S]*event: token\n[\s\S]*event: complete\ndata: [^\n]+$/);
  expect(JSON.parse(stopped!.split("\n").at(-1)!)).toHaveProperty("turn_id");
  expect(JSON.parse(readFileSync(path.join(folder.path, "cancelled.json"), "utf8")).metadata.cancelled).toBe(true);
  expect(JSON.parse(named!)).toEqual({ conversation_id: "my-first", title: "My first conversation" });
  const [messages, list] = read!.split(/(?<=\})(?=\{"conversations")/);
  expect(JSON.parse(messages!).messages).toHaveLength(2);
  const listed = JSON.parse(list!).conversations.map(
    ({ conversation_id, title }: { conversation_id: string; title: string }) => [conversation_id, title],
  );
  expect(listed).toEqual([
    ["my-second", expect.any(String)],
    ["my-first", "My first conversation"],
  ]);
  const [matching, offered] = found!.split(/(?<=\})(?=\{"agents")/);
  expect(JSON.parse(matching!).conversations).toMatchObject([{ conversation_id: "my-first" }]);
  expect(JSON.parse(offered!).agents.map(({ name }: { name: string }) => name)).toContain("general");
  expect(JSON.parse(seed!)).toHaveProperty("message");
});
