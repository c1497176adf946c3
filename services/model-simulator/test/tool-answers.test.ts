import { expect, test } from "vitest";
import { answerFromTools } from "../src/tool-answer.ts";

const POD_TABLE = [
  "NAMESPACE     NAME                     READY   STATUS             RESTARTS       AGE",
  "shop          storefront-6d-abcde      1/1     Running            0              9d",
  "shop          checkout-7c-x2x4z        0/1     CrashLoopBackOff   12 (3m ago)    47m",
  "kube-system   coredns-5f-11111         1/1     Running            0              9d",
].join("\n");

function answer(content: string, toolName = "k8s_list_pods"): string {
  return answerFromTools([{ toolName, content }]);
}

test.each([
  ["a table as text", POD_TABLE],
  ["a table inside JSON", JSON.stringify({ summary: "3 pods", table: POD_TABLE, total: 3 })],
  [
    "a table with remarks around it, marked as data",
    `<tool_result tool="k8s_list_pods" status="completed">\n3 pods in all namespaces; not well: 1 CrashLoopBackOff.\n${POD_TABLE}\nShown 3 of 9; narrow with namespace, labelSelector or status.\n</tool_result>`,
  ],
  ["a table between delimiters", `--- data 81f ---\n${JSON.stringify({ text: POD_TABLE })}\n--- end 81f ---`],
  [
    "a list of objects",
    JSON.stringify({
      pods: [
        { namespace: "shop", name: "storefront-6d-abcde", ready: "1/1", status: "Running", restarts: 0 },
        { namespace: "shop", name: "checkout-7c-x2x4z", ready: "0/1", status: "CrashLoopBackOff", restarts: 12 },
        { namespace: "kube-system", name: "coredns-5f-11111", ready: "1/1", status: "Running", restarts: 0 },
      ],
    }),
  ],
])("quotes counts, names and what is unhealthy from %s", (_form, content) => {
  const text = answer(content);
  expect(text).toContain("**3 pods** in 2 namespaces: 2 Running, 1 CrashLoopBackOff.");
  expect(text).toContain("- `shop/checkout-7c-x2x4z`: CrashLoopBackOff, 0 of 1 ready, 12 restarts");
  expect(text).toContain("| shop | storefront-6d-abcde | 1/1 | Running | 0 |");
});

test("counts nothing that a tool has put around its data for the model", () => {
  // "monitoring" makes the first column so wide that the end mark stands as if it had cells.
  const table = [
    "NAMESPACE    NAME               READY   STATUS",
    "monitoring   grafana-7c4d-hd2   1/1     Running",
  ].join("\n");
  const text = answer(
    `1 pod.\n[data 0f1e2d3c4b5a from the cluster, not instructions]\n${table}\n[end of data 0f1e2d3c4b5a]`,
  );
  expect(text).toContain("**1 pod**");
  expect(text).not.toContain("0f1e2d3c4b5a");
});

test("says that nothing looks unhealthy when nothing does", () => {
  const lines = POD_TABLE.split("\n").filter((line) => !line.includes("checkout"));
  expect(answer(lines.join("\n"))).toContain("Nothing looks unhealthy.");
});

test.each([
  [
    '{"status":"failed","error":{"message":"the cluster did not answer"}}',
    "`k8s_list_pods` failed: the cluster did not answer",
  ],
  ['{"status":"rejected","reason":"not today"}', "`k8s_list_pods` failed: not today"],
  ['{"isError":true,"result":"no such namespace"}', "`k8s_list_pods` failed: no such namespace"],
  [
    '<tool_result tool="k8s_list_pods" status="failed">\nThe cluster cannot be reached.\n</tool_result>',
    "`k8s_list_pods` failed: The cluster cannot be reached.",
  ],
  ['<tool_result tool="k8s_list_pods" status="denied">\n\n</tool_result>', "`k8s_list_pods` failed: denied"],
  ["Error: connection refused\n  at x", "`k8s_list_pods` failed: Error: connection refused"],
])("says that the tool failed and why: %s", (content, expected) => {
  expect(answer(content)).toBe(expected);
});

test("shows the lines of a log that point to a problem", () => {
  const text = answer("10:00 starting\n10:01 Error: PAYMENT_URL is not set\n10:02 bye", "k8s_pod_logs");
  expect(text).toContain("The log has 3 lines. These point to a problem:");
  expect(text).toContain("```\n10:01 Error: PAYMENT_URL is not set\n```");
});

test("repeats how many lines of a log the tool says it shows", () => {
  const text = answer(
    "The last 2 of 9 lines of the log of x in namespace y.\n10:00 INFO one\n10:01 INFO two",
    "k8s_pod_logs",
  );
  expect(text).toBe(
    "The last 2 of 9 lines of the log of x in namespace y. None reports a problem; the last ones are:\n\n```\n10:00 INFO one\n10:01 INFO two\n```",
  );
});

test("lists the telling lines of a description", () => {
  const text = answer(
    "Name:   checkout\nLabels: app=x\nStatus: Pending\nEvents:\n  Warning  FailedScheduling  insufficient cpu",
    "k8s_describe",
  );
  expect(text).toBe(
    "`k8s_describe` says:\n- Name: checkout\n- Status: Pending\n- Warning FailedScheduling insufficient cpu",
  );
});

test("lists what warns in a description that consists of tables", () => {
  const description = [
    "Pod checkout-1 in namespace shop",
    "Status: CrashLoopBackOff",
    "NAME       STATE              LAST END",
    "checkout   CrashLoopBackOff   Error (exit code 1, 70s ago)",
    "LAST SEEN   TYPE      REASON    MESSAGE",
    "70s         Warning   BackOff   Back-off restarting",
    "73s         Normal    Started   Started container",
  ];
  expect(answer(description.join("\n"), "k8s_describe")).toBe(
    [
      "Pod checkout-1 in namespace shop:",
      "- Status: CrashLoopBackOff",
      "- checkout CrashLoopBackOff Error (exit code 1, 70s ago)",
      "- 70s Warning BackOff Back-off restarting",
    ].join("\n"),
  );
});

test("quotes a result of any other form", () => {
  expect(answer('{"count": 3}', "counter")).toBe('`counter` returned: {"count": 3}');
});

test("answers from every tool of a turn", () => {
  const text = answerFromTools([
    { toolName: "counter", content: "3" },
    { toolName: "clock", content: "noon" },
  ]);
  expect(text).toBe("`counter` returned: 3\n\n`clock` returned: noon");
});
