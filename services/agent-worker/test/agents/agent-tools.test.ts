import { expect, test } from "vitest";
import { missingTools, toolsOf } from "../../src/agents/agent.ts";

const offered = ["demo_echo", "k8s_list_pods", "k8s_pod_logs"].map((name) => ({ name }));

test.each([
  [[], []],
  [["k8s_*"], ["k8s_list_pods", "k8s_pod_logs"]],
  [
    ["k8s_pod_logs", "demo_echo"],
    ["demo_echo", "k8s_pod_logs"],
  ],
  [["k8s_"], []],
  [["*"], ["demo_echo", "k8s_list_pods", "k8s_pod_logs"]],
  [
    ["k8s_*", "k8s_pod_logs"],
    ["k8s_list_pods", "k8s_pod_logs"],
  ],
  [["*", "!k8s_*"], ["demo_echo"]],
  [
    ["*", "!k8s_*", "k8s_pod_logs"],
    ["demo_echo", "k8s_pod_logs"],
  ],
  [["!k8s_*"], []],
])("an agent with the tools %j gets %j", (tools, names) => {
  expect(toolsOf({ tools }, offered).map(({ name }) => name)).toEqual(names);
});

test.each([
  [[], []],
  [["k8s_*", "demo_echo"], []],
  [["*"], []],
  [["*", "!search_*"], []],
  [
    ["k8s_*", "search_*", "demo_time"],
    ["search_*", "demo_time"],
  ],
])("an agent with the tools %j misses %j", (tools, missing) => {
  expect(missingTools({ tools }, offered)).toEqual(missing);
});

test("an agent that takes every tool misses them when there is none", () => {
  expect(missingTools({ tools: ["*"] }, [])).toEqual(["*"]);
  expect(missingTools({ tools: ["*", "demo_echo"] }, [])).toEqual(["*"]);
});
