import { readFile } from "node:fs/promises";
import { createLogger, StartError } from "@parley/runtime";
import { eventually, tempDir } from "@parley/testkit";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { openPolicy } from "../../src/policy/live-policy.ts";
import { PolicyFile } from "../../src/policy/policy-file.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const scale = {
  ...{ tool: "k8s_scale", effect: "write" as const, roles: [], asksByItself: true },
  access: [{ system: "kubernetes", verb: "scale", kind: "Deployment", namespace: "shop", name: "web" }],
};

async function open(text: string) {
  const folder = await tempDir();
  const file = path.join(folder.path, "tool-policy.yaml");
  await writeFile(file, text);
  return { file, folder };
}

test("the shipped file says what holds without one", async () => {
  const shipped = new URL("../../../../config/tool-policy.yaml", import.meta.url);
  expect(PolicyFile.parse(parse(await readFile(shipped, "utf8")))).toEqual(PolicyFile.parse({}));
});

describe("a mistake is told with its line, and nothing starts", () => {
  test.each([
    [
      "rules:\n  - tool: k8s_*\n    than: deny\n",
      [':2: the field "rules.0.verdict" is missing', ':3: unknown field "than"'],
    ],
    ["rules:\n  - verdict: refuse\n", [":2: rules.0.verdict "]],
    ["read_only: yes please\n", [":1: read_only must be "]],
    ["rules:\n  - namespace: a b\n    verdict: deny\n", [":2: rules.0.namespace must be a name, or a pattern"]],
    [
      "rules:\n  - namespace: '*a*b*c*d*e'\n    verdict: deny\n",
      [":2: rules.0.namespace must be a name, or a pattern"],
    ],
    ["rules:\n  - namespace: []\n    verdict: deny\n", [":2: rules.0.namespace must not be empty"]],
    ["protected:\n  namespace: [a]\n", [':2: unknown field "namespace"']],
    ["like: { minutes: 999 }\n", [":1: like.minutes must be "]],
    ["suggest_only: true\nrules:\n  - kind: Pod\n  verdict: deny\n", [":"]],
  ])("%j", async (text, expected) => {
    const { file, folder } = await open(text);
    await using _folder = folder;
    const error = await openPolicy({ file, log }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartError);
    for (const part of expected) expect(String(error)).toContain(`${file}${part}`);
  });
});

test("a changed file counts within its time; one with a mistake does not, and is told", async () => {
  const { file, folder } = await open("read_only: true\n");
  await using _folder = folder;
  const policy = await openPolicy({ file, log, everyMs: 20 });
  const becomes = (decision: string): Promise<boolean> =>
    eventually(async () => policy.decide(scale).decision === decision, { what: `the verdict ${decision}` });
  try {
    await becomes("deny");
    await writeFile(file, "rules: [{ tool: k8s_scale, verdict: allow }]\n");
    await becomes("allow");
    await writeFile(file, "rules: [{ tool: k8s_scale, verdict: dney }]\n");
    await eventually(async () => policy.problems().length > 0, { what: "the problem" });
    expect(policy.problems()[0]).toContain("tool-policy.yaml:1: rules.0.verdict");
    expect(policy.decide(scale).decision).toBe("allow");
    await writeFile(file, "{}");
    await becomes("approve");
    expect(policy.problems()).toEqual([]);
  } finally {
    policy.close();
  }
});
