import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { startSystem } from "@parley/testkit";
import { expect, test } from "vitest";
import { z } from "zod";
import { devToken } from "../e2e/person.ts";
import { hasClients } from "./client-run.ts";

const run = promisify(execFile);
const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/openai.md"), "utf8");
const clients = path.join(import.meta.dirname, "clients");

const Models = z.object({ object: z.literal("list"), data: z.array(z.looseObject({ id: z.string() })) });
const Completion = z.looseObject({
  choices: z.tuple([z.looseObject({ message: z.looseObject({ content: z.string().min(1) }) })]),
});

function blockOf(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
}

test.skipIf(!hasClients)("the examples of docs/openai.md do what they say, as they are printed", async () => {
  await using system = await startSystem();
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("There is no edge.");
  const address = `http://127.0.0.1:${edge.port}`;
  const script = blockOf("sh")
    .replace("http://127.0.0.1:8000", address)
    .replace(/\ncurl/g, "\necho; curl");
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script]);
  const [, models, completion] = stdout.split("\n");
  expect(Models.parse(JSON.parse(models ?? "")).data.map(({ id }) => id)).toContain("parley");
  Completion.parse(JSON.parse(completion ?? ""));

  const program = blockOf("js").replace("http://127.0.0.1:8000", address).replace('"openai"', '"openai-7"');
  const env = { ...process.env, TOKEN: await devToken(edge, "anna") };
  const streamed = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: clients, env });
  expect(streamed.stdout).toMatch(/pod/i);
});
