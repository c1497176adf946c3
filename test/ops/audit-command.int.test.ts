import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openBus, type Bus } from "@parley/bus";
import type { AuditEntry } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import type { Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { passwordOf, startNatsWithRoles } from "../deploy/nats-with-roles.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = path.join(root, "scripts/audit/main.ts");
const log = createLogger({ service: "test", level: "silent", format: "json" });

let nats: Broker;
let bus: Bus;

const of = {
  v: 1,
  writer: "a test",
  conversation_id: "c1",
  turn_id: "t1",
  call_id: "t1-0-0",
  tool: "k8s_scale",
} as const;
const entries: readonly AuditEntry[] = [
  { ...of, kind: "asked", user: { id: "ann" }, tenant: "acme", summary: "Scales web\nto \u202e3.", four_eyes: true },
  { ...of, kind: "decided", user: { id: "olga" }, tenant: "acme", approved: true, like_ms: 600_000, reason: "go" },
  {
    ...{ ...of, kind: "begun", user: { id: "ann" }, tenant: "acme", agreed_by: { id: "olga" } },
    access: [
      { system: "kubernetes", cluster: "dev", verb: "patch", kind: "Deployment", namespace: "shop", name: "web" },
      { system: "kubernetes", cluster: "dev", verb: "get", kind: "Deployment" },
    ],
  },
  { ...of, kind: "ended", user: { id: "ann" }, tenant: "acme", status: "completed", result_bytes: 11, duration_ms: 12 },
  {
    ...of,
    kind: "refused",
    user: { id: "bert" },
    tool: "k8s_delete",
    verdict: "deny",
    rule: "rule 2",
    reason: "Never.",
  },
  { v: 1, writer: "a test", kind: "admin", user: { id: "olaf" }, action: "block", on: { id: "bert" }, reason: "spam" },
];

const urlOf = (user: "edge" | "auditor" | "operator"): string =>
  `nats://${user}:${passwordOf(user)}@127.0.0.1:${nats.port}`;

beforeAll(async () => {
  nats = await startNatsWithRoles();
  bus = await openBus({ servers: urlOf("operator"), name: "test", log });
  for (const [i, entry] of entries.entries()) await bus.audit.write(entry, `${i}`);
});
afterAll(async () => {
  await bus.close();
  await nats[Symbol.asyncDispose]();
});

async function audit(...args: readonly string[]): Promise<{ code: number; lines: string[]; problem: string }> {
  const node = ["--conditions=source", "--import", "tsx", cli, ...args];
  const env = { ...process.env, NATS_URL: urlOf("auditor") };
  return promisify(execFile)(process.execPath, node, { cwd: root, env }).then(
    ({ stdout }) => ({ code: 0, lines: stdout.trimEnd().split("\n"), problem: "" }),
    (error: { code: number; stderr: string }) => ({ code: error.code, lines: [], problem: error.stderr }),
  );
}

it("prints who did what as a table, newest first, as the user that may do nothing else", async () => {
  const { code, lines } = await audit();
  expect(code).toBe(0);
  const [header = "", ...rows] = lines;
  expect(header).toMatch(/^WHEN +WHAT +WHO +TOOL +ON WHAT +HOW +CALL$/);
  const words = rows.map((row) => row.replace(/^\S+Z +/, "").replaceAll(/ {2,}/g, " | "));
  expect(words).toEqual([
    'admin | olaf | block | {"id":"bert"} | spam',
    "refused | bert | k8s_delete | deny: rule 2: Never. | c1 t1-0-0",
    "ended | ann (acme) | k8s_scale | completed, 11 bytes, 12 ms | c1 t1-0-0",
    "begun | ann (acme) | k8s_scale | patch Deployment shop/web @dev +1 | agreed to by olga | c1 t1-0-0",
    "decided | olga (acme) | k8s_scale | approved with the like for 10 min: go | c1 t1-0-0",
    "asked | ann (acme) | k8s_scale | [four eyes] Scales web to 3. | c1 t1-0-0",
  ]);
});

it.each([
  [
    ["--user", "olga"],
    ["begun", "decided"],
  ],
  [["--tool", "k8s_d*"], ["refused"]],
  [["--conversation", "c1", "--kind", "ended"], ["ended"]],
  [
    ["--limit", "2"],
    ["admin", "refused"],
  ],
  [["--since", "1h", "--kind", "asked"], ["asked"]],
  [["--since", "2999-01-01"], []],
])("looks for %j", async (args, kinds) => {
  const { lines } = await audit(...args, "--json");
  const found = lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as AuditEntry).kind);
  expect(found).toEqual(kinds);
});

it.each([["--kind=other"], ["--since=yesterday"], ["--limit=0"], ["--what=x"]])(
  "says what is wrong with %s",
  async (arg) => {
    const { code, problem } = await audit(arg);
    expect([code, problem]).toEqual([1, expect.stringContaining(arg.split("=")[0] ?? "")]);
  },
);
