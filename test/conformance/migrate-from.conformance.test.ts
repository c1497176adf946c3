import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findPython } from "../clients/python.ts";
import { hasClients, runProgram } from "./client-run.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const clients = path.join(root, "test/conformance/clients");

/** The program behind a page's diff: what stays and what is added. */
function programOf(name: string): string {
  const page = readFileSync(path.join(root, "docs/migrate-from", `${name}.md`), "utf8");
  const [, diff = ""] = /```diff\n([\s\S]*?)```/.exec(page) ?? [];
  const lines = diff.split("\n").filter((line) => !line.startsWith("-"));
  return lines.map((line) => line.slice(1)).join("\n");
}

/** What the programs of the pages take for granted. */
const surroundings = `
import { WebSocket } from "ws";
globalThis.WebSocket ??= WebSocket;
const { PARLEY_WS, PARLEY_HTTP, PARLEY_TOKEN: token, PARLEY_ROOM: room } = process.env;
const said = [];
const show = (text) => said.push(text);
const showTool = (name, status) => said.push(\`tool: \${name} \${status ?? ""}\`);
const finish = () => console.log(JSON.stringify({ type: "shown", text: said.join("\\n") }));
`;

describe.skipIf(!hasClients)("the pages about migration", () => {
  let world: ConformanceWorld;
  let folder: string;

  beforeAll(async () => {
    world = await startConformanceWorld();
    // Below the clients, so that their packages are found.
    folder = await mkdtemp(path.join(clients, "node_modules", ".migrate-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await world[Symbol.asyncDispose]();
  });

  async function environment(room: string) {
    return {
      PARLEY_WS: `ws://127.0.0.1:${world.edges[0].port}/ws/chat`,
      PARLEY_HTTP: world.url,
      PARLEY_TOKEN: await world.token(),
      PARLEY_ROOM: room,
    };
  }

  it.each([
    ["socket-io", "PARLEY_WS"],
    ["ai-sdk-resumable-stream", "PARLEY_HTTP"],
    ["langgraph-server", "PARLEY_WS"],
  ])("have a program that answers: %s", async (name, address) => {
    const program = programOf(name)
      .replaceAll('"@parley/client"', JSON.stringify(path.join(root, "libs/client/dist/index.js")))
      .replaceAll(
        '"@parley/client/langgraph"',
        JSON.stringify(path.join(root, "libs/client/dist/langgraph/adapter.js")),
      )
      .replaceAll('from "ai"', 'from "ai-6"');
    expect(program.split("\n").length).toBeLessThanOrEqual(26);
    const file = path.join(folder, `${name}.mjs`);
    const imports = program.split("\n").filter((line) => line.startsWith("import "));
    const rest = program.split("\n").filter((line) => !line.startsWith("import "));
    await writeFile(file, [...imports, surroundings, `const url = ${address};`, ...rest].join("\n"));
    await writeFile(path.join(folder, "chat.js"), chatOfAiSdk);
    const run = runProgram(name, [process.execPath, file], { cwd: folder, env: await environment(`room-${name}`) });
    expect(await run.until("shown")).toMatchObject({ text: expect.stringContaining("pods") });
  });

  const python = findPython();
  it.skipIf(python === undefined)("have a program that answers: chainlit", async () => {
    const file = path.join(folder, "chainlit.py");
    await writeFile(file, `${programOf("chainlit")}\nprint('\\n{"type": "done"}')\n`);
    const env = { ...(await environment("room-chainlit")), PYTHONPATH: path.join(root, "clients/python/src") };
    const script = `import runpy, io, json, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    runpy.run_path(${JSON.stringify(file)})\nprint(json.dumps({"type": "shown", "text": out.getvalue()}))`;
    const run = runProgram("chainlit", [python ?? "", "-c", script], { cwd: folder, env });
    expect(await run.until("shown")).toMatchObject({
      text: expect.stringMatching(/pods[\s\S]*tool: k8s_list_pods completed/),
    });
  });
});

/** What a page has from `@ai-sdk/react`: the same class without React. */
const chatOfAiSdk = `
import { AbstractChat } from "ai-6";
class State {
  status = "ready"; error = undefined; messages = [];
  pushMessage = (message) => void (this.messages = [...this.messages, message]);
  popMessage = () => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) => void (this.messages = this.messages.with(index, message));
  snapshot = (value) => structuredClone(value);
}
export class Chat extends AbstractChat {
  constructor(options) { super({ ...options, state: new State() }); }
}
`;
