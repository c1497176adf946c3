import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { eventually, startSystem, tempDir, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { createToken } from "../chaos/clients/token.ts";

const policy = `
four_eyes: [{ tool: demo_change }]
rules: [{ tool: demo_change, verdict: approve, reason: The counter belongs to everybody. }]
`;
const issuers = `
issuers: []
shared_secret: { roles: { claim: roles } }
`;

// oxlint-disable-next-line typescript/no-explicit-any
type Answer = { status: number; body: any };

function person(edge: Service, secret: string, { name, roles }: { name: string; roles: readonly string[] }) {
  const token = createToken(secret, name, undefined, { roles });
  return async (method: string, where: string, body?: object): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
}

it("P11: what needs four eyes runs by the word of a second person, who finds it in the list, and the audit log tells the whole story", async () => {
  await using folder = await tempDir();
  const [policyFile, issuersFile, counter] = ["policy.yaml", "issuers.yaml", "counter"].map((name) =>
    path.join(folder.path, name),
  ) as [string, string, string];
  await Promise.all([writeFile(policyFile, policy), writeFile(issuersFile, issuers)]);
  const adminToken = "a-token-of-this-test-that-is-long-enough";
  await using system = await startSystem({
    env: {
      edge: { ISSUERS_FILE: issuersFile, ADMIN_TOKEN: adminToken },
      "tool-worker": { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counter, TOOL_POLICY_FILE: policyFile },
    },
  });
  const edge = system.edges[0]!;
  const ann = person(edge, system.jwtSecret, { name: "ann", roles: ["approver"] });
  const olga = person(edge, system.jwtSecret, { name: "olga", roles: ["approver"] });
  const asked = ann("POST", "chat", { message: "change the counter to 42", session_id: "s-four-eyes" });

  const waiting = await eventually(async () => (await olga("GET", "approvals")).body.approvals[0], {
    what: "the question in the list",
  });
  expect(waiting).toMatchObject({
    ...{ tool_name: "demo_change", four_eyes: true, user: { id: "ann" } },
    policy_reason: "The counter belongs to everybody.",
  });
  const where = `conversations/${waiting.conversation_id}/approvals/${waiting.call_id}`;
  expect((await olga("GET", where)).body).toMatchObject({ preview: { kind: "diff" }, arguments: { text: "42" } });
  expect(await ann("POST", where, { approved: true })).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(await readFile(counter, "utf8").catch(() => "")).toBe("");
  expect(await olga("POST", where, { approved: true })).toMatchObject({ status: 200, body: { by: { id: "olga" } } });
  expect(await asked).toMatchObject({ status: 200, body: { tool_calls: [{ status: "completed" }] } });
  expect(await readFile(counter, "utf8")).toContain("42");

  const story = await eventually(
    async () => {
      const response = await fetch(
        `http://127.0.0.1:${edge.adminPort}/admin/audit?conversation=${waiting.conversation_id}`,
        { headers: { authorization: `Bearer ${adminToken}` } },
      );
      const { entries } = (await response.json()) as { entries: { kind: string }[] };
      return entries.length === 4 ? entries.toReversed() : undefined;
    },
    { what: "four entries" },
  );
  expect(story).toMatchObject([
    { kind: "asked", user: { id: "ann" }, four_eyes: true, verdict: "approve", rule: "rule 1" },
    { kind: "decided", user: { id: "olga" }, approved: true },
    { kind: "begun", user: { id: "ann" }, agreed_by: { id: "olga" } },
    { kind: "ended", status: "completed" },
  ]);
});
