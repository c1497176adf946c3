import { createTurnView, type ToolDefinition, type TurnView } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agentTools } from "../src/mcp/addresses.ts";
import { argumentsProblem, callMessage, clusterToolResult, clusterTools } from "../src/mcp/cluster-tools.ts";

const parameters = { type: "object", properties: { namespace: { type: "string" } } };
const definition = (name: string, more: Partial<ToolDefinition> = {}): ToolDefinition => ({
  ...{ name, aliases: [], description: `The tool ${name}.`, parameters, effect: "read", timeout_ms: 1_000, ...more },
});
const anybody = (): boolean => true;
const named = (definitions: readonly ToolDefinition[], mayRun = anybody as (name: string) => boolean) => [
  ...clusterTools(definitions, mayRun).keys(),
];

describe("the tools that a client may call without a model", () => {
  test.each([
    ["one that reads a cluster", definition("k8s_list_pods"), true],
    ["one that changes something", definition("k8s_scale", { effect: "write" }), false],
    ["one of another system", definition("every_echo"), false],
    ["one whose schema is none of an object", definition("k8s_x", { parameters: { type: "string" } }), false],
    ["one without a type", definition("k8s_x", { parameters: {} }), true],
    [
      "one whose schema is too long",
      definition("k8s_x", { parameters: { type: "object", title: "x".repeat(20_000) } }),
      false,
    ],
    // The policy decides on each call of it: that some are asked about says nothing of the others.
    ["one about which people may be asked", definition("k8s_x", { approval: "required" }), true],
  ])("%s", (_what, tool, isListed) => {
    expect(named([tool])).toEqual(isListed ? [tool.name] : []);
  });

  test("are those that the roles give", () => {
    expect(named([definition("k8s_a"), definition("k8s_b")], (name) => name === "k8s_b")).toEqual(["k8s_b"]);
  });

  test("are bounded, and keep the order in which they come", () => {
    const many = Array.from({ length: 100 }, (_, nth) => definition(`k8s_${String(nth).padStart(3, "0")}`));
    expect(named(many)).toEqual(many.slice(0, 64).map(({ name }) => name));
  });

  test("say that they read, and what they take", () => {
    const tool = clusterTools([definition("k8s_a")], anybody).get("k8s_a");
    expect(tool).toMatchObject({
      inputSchema: parameters,
      annotations: { readOnlyHint: true, destructiveHint: false },
    });
  });

  test("never share a name with an agent", () => {
    const name = fc.oneof(
      fc.stringMatching(/^k8s_[\w-]{0,60}$/),
      fc.stringMatching(/^(agent_)?k8s_[a-z]{0,3}(_[\da-f]{8})?$/),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 8 }), (names) => {
        const agents = agentTools(names.map((one) => ({ name: one, description: "" })));
        const tools = clusterTools(
          names.filter((one) => one.startsWith("k8s_")).map((one) => definition(one)),
          anybody,
        );
        expect(agents.size).toBe(names.length);
        for (const one of agents.keys()) expect([tools.has(one), one.length <= 64]).toEqual([false, true]);
      }),
    );
  });
});

test.each([
  [{}, undefined],
  [{ namespace: "shop" }, undefined],
  [{ text: "x".repeat(70_000) }, "The arguments are larger than 64 KB."],
  [JSON.parse(`${'{"a":'.repeat(70)}{}${"}".repeat(70)}`), "The arguments are nested too deeply."],
])("arguments that no tool takes are told at once (%#)", (args, problem) => {
  expect(argumentsProblem(args)).toBe(problem);
});

test("the message of a call is short, and text", () => {
  const message = callMessage({ tool_name: "k8s_a", arguments: { text: "💥".repeat(1_000) } });
  expect(message.startsWith('k8s_a {"text":"💥')).toBe(true);
  expect([message.length < 600, message.isWellFormed()]).toEqual([true, true]);
});

describe("the result", () => {
  const usage = { input_tokens: 0, output_tokens: 0 };
  const shared = { response: "3 pods.", message_id: "t0-a", tool_calls: [], usage };
  const call = { type: "tool_call", call_id: "t0-0-0", tool_name: "k8s_a", arguments: {} } as const;
  const view = (more: Partial<TurnView>): TurnView => ({
    ...{ ...createTurnView("t0"), outcome: { type: "complete", ...shared, metadata: { tool: "k8s_a" } }, ...more },
  });
  const text = (said: string) => ({ type: "text", text: said });

  test.each<[string, Partial<TurnView>, object]>([
    ["is the tool's", { parts: [{ ...call, status: "completed", result: "3 pods." }] }, { content: [text("3 pods.")] }],
    [
      "says that it was cut",
      { parts: [{ ...call, status: "completed", result: "3", truncated: true, result_bytes: 40_000 }] },
      { content: [text("3"), text("This is the beginning of the result, which has 40000 bytes: ask for less.")] },
    ],
    [
      "is a mistake where it was denied",
      { parts: [{ ...call, status: "denied", result: "Not run: the platform's." }] },
      { content: [text("Not run: the platform's.")], isError: true },
    ],
    [
      "is none where a worker of the version before has answered",
      { parts: [{ type: "text", text: "Hello" }] },
      { content: [text("The call was not run. Try again in a minute.")], isError: true },
    ],
    [
      "is what the turn failed with",
      { outcome: { type: "error", ...shared, error: "The worker was lost.", code: "WORKER_LOST", retryable: true } },
      { content: [text("The worker was lost.")], isError: true },
    ],
    [
      "is none where it was stopped",
      { outcome: { type: "cancelled", ...shared, reason: "stopped" } },
      { content: [text("The call was stopped.")], isError: true },
    ],
  ])("%s", (_what, turn, result) => {
    expect(clusterToolResult(view(turn))).toEqual(result);
  });
});
