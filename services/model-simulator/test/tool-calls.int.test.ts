import type OpenAI from "openai";
import { expect, test } from "vitest";
import { CLUSTER_TOOLS, type Message, offer, readStream, startSimulator } from "./simulator.ts";

type Call = { name: string; arguments: unknown };

async function callsFor(messages: Message[] | string, tools = CLUSTER_TOOLS): Promise<Call[]> {
  await using simulator = await startSimulator();
  return readCalls(await simulator.ask(messages, { tools }));
}

function readCalls(whole: OpenAI.ChatCompletion): Call[] {
  const calls = whole.choices[0]?.message.tool_calls ?? [];
  return calls.flatMap((call) =>
    call.type === "function"
      ? [{ name: call.function.name, arguments: JSON.parse(call.function.arguments) as unknown }]
      : [],
  );
}

test.each<[string, Call[]]>([
  ["list all pods", [{ name: "k8s_list_pods", arguments: { allNamespaces: true } }]],
  ["Which pods are failing?", [{ name: "k8s_list_pods", arguments: { allNamespaces: true } }]],
  ["show me the pods in namespace shop", [{ name: "k8s_list_pods", arguments: { namespace: "shop" } }]],
  ["list pods in the kube-system namespace", [{ name: "k8s_list_pods", arguments: { namespace: "kube-system" } }]],
  ["list pods in all namespaces", [{ name: "k8s_list_pods", arguments: { allNamespaces: true } }]],
  ["what namespaces are there?", [{ name: "k8s_list_namespaces", arguments: {} }]],
  ["logs of pod cart-1 in namespace shop", [{ name: "k8s_pod_logs", arguments: { pod: "cart-1", namespace: "shop" } }]],
  [
    "show the last 20 lines of the logs of shop/cart-1",
    [{ name: "k8s_pod_logs", arguments: { pod: "cart-1", namespace: "shop", tail: 20 } }],
  ],
  [
    "describe deployment cart in shop",
    [
      {
        name: "k8s_describe",
        arguments: { apiVersion: "apps/v1", kind: "Deployment", name: "cart", namespace: "shop" },
      },
    ],
  ],
  [
    "scale deployment cart in namespace shop to 3",
    [{ name: "k8s_scale", arguments: { kind: "Deployment", name: "cart", namespace: "shop", replicas: 3 } }],
  ],
  [
    "list pods and namespaces",
    [
      { name: "k8s_list_pods", arguments: { allNamespaces: true } },
      { name: "k8s_list_namespaces", arguments: {} },
    ],
  ],
  ['call the tool counter with {"by": 3}', [{ name: "counter", arguments: { by: 3 } }]],
  [
    'call tool a with {"x": "}"}\ncall tool b',
    [
      { name: "a", arguments: { x: "}" } },
      { name: "b", arguments: {} },
    ],
  ],
])("answers %j with tool calls", async (question, calls) => {
  expect(await callsFor(question)).toEqual(calls);
});

test.each<[string, Call[]]>([
  ["change the counter to 42", [{ name: "demo_change", arguments: { text: "42" } }]],
  ["Please change the counter to `forty two`.", [{ name: "demo_change", arguments: { text: "forty two" } }]],
  ["please approve", [{ name: "demo_change", arguments: { text: "approved", confirm: true } }]],
  ["why does nobody approve?", []],
])("asks for the tool that a person has to agree to: %j", async (question, calls) => {
  expect(await callsFor(question, [offer("demo_change")])).toEqual(calls);
});

test("asks for no tool that it is not offered", async () => {
  expect(await callsFor("change the counter to 42")).toEqual([]);
});

test("names the arguments as the schema of the tool does", async () => {
  const tools = [
    offer("list_pods", { all_namespaces: { type: "boolean" }, output: { enum: ["wide", "json"] } }, ["output"]),
  ];
  expect(await callsFor("list all pods", tools)).toEqual([
    { name: "list_pods", arguments: { all_namespaces: true, output: "wide" } },
  ]);
});

test("falls back to a generic list tool", async () => {
  const tools = [offer("k8s_list_resources", { apiVersion: {}, kind: {}, allNamespaces: {} })];
  expect(await callsFor("list all deployments", tools)).toEqual([
    { name: "k8s_list_resources", arguments: { apiVersion: "apps/v1", kind: "Deployment", allNamespaces: true } },
  ]);
});

test("completes the name of a pod that was seen earlier", async () => {
  const messages: Message[] = [
    { role: "user", content: "list all pods" },
    { role: "assistant", content: "Needs attention:\n- `shop/checkout-7c9d-x2x4`: CrashLoopBackOff" },
    { role: "user", content: "show me the logs of checkout" },
  ];
  expect(await callsFor(messages)).toEqual([
    { name: "k8s_pod_logs", arguments: { namespace: "shop", pod: "checkout-7c9d-x2x4" } },
  ]);
});

test.each(["What is a pod?", "Hello", "explain namespaces"])("calls no tool for %j", async (question) => {
  expect(await callsFor(question)).toEqual([]);
});

const location = { location: { type: "string" }, unit: { enum: ["C", "F"] } };
const withText = (text: string): OpenAI.ChatCompletionTool => ({
  type: "function",
  function: { name: "f", description: text, parameters: { type: "object", properties: {} } },
});

test.each<[string, OpenAI.ChatCompletionTool, Call[]]>([
  [
    "What's the weather like in San Francisco?",
    offer("get_weather", location, ["location"]),
    [{ name: "get_weather", arguments: { location: "San Francisco" } }],
  ],
  [
    "weather for my town, with its unit",
    offer("weatherOf", location, ["location", "unit"]),
    [{ name: "weatherOf", arguments: { location: "my town, with its unit", unit: "C" } }],
  ],
  ["Is it raining?", withText("Whether it is raining anywhere"), [{ name: "f", arguments: {} }]],
  ["Send the invoices", withText("Sends an invoice"), [{ name: "f", arguments: {} }]],
  ["Which number is the answer?", withText("Returns the answer, which is a number"), []],
  ["What's the weather like?\n/sim tokens=3", offer("get_weather"), []],
  ['<tool_result tool="get_weather">\n64 degrees\n</tool_result>', offer("get_weather"), []],
  ["Which manifests are there?", offer("k8s_generate_manifest"), []],
])(
  "calls a client's tool when a telling word of the message is in its name or its description: %j",
  async (question, tool, calls) => {
    expect(await callsFor(question, [tool])).toEqual(calls);
  },
);

test("says a sentence before it streams the call in pieces", async () => {
  await using simulator = await startSimulator();
  const read = await readStream(await simulator.open("list all pods", { tools: CLUSTER_TOOLS }));
  const deltas = read.chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  expect(read).toMatchObject({ text: "Let me look at the cluster.", finishReason: "tool_calls" });
  expect(deltas.map((delta) => delta.function?.arguments).join("")).toBe('{"allNamespaces":true}');
  expect(deltas.filter((delta) => delta.id !== undefined)).toHaveLength(1);
});

test("makes one call at a time when parallel calls are switched off", async () => {
  await using simulator = await startSimulator();
  const params = { tools: CLUSTER_TOOLS, parallel_tool_calls: false };
  expect(readCalls(await simulator.ask("call tool a\ncall tool b", params))).toEqual([{ name: "a", arguments: {} }]);
  const messages = [{ role: "user" as const, content: "call tool a\ncall tool b" }, ...exchange("a", "done")];
  expect(readCalls(await simulator.ask(messages, params))).toEqual([{ name: "b", arguments: {} }]);
});

test("takes the second step after the first one has its result", async () => {
  const question = { role: "user" as const, content: 'call tool a, then call tool b with {"n":1}' };
  expect(await callsFor([question])).toEqual([{ name: "a", arguments: {} }]);
  expect(await callsFor([question, ...exchange("a", "done")])).toEqual([{ name: "b", arguments: { n: 1 } }]);
  expect(await callsFor([question, ...exchange("a", "done"), ...exchange("b", "done")])).toEqual([]);
});

test("forces a tool once and then obeys what the directive says about the text", async () => {
  const question = { role: "user" as const, content: "/sim tool=counter tokens=2" };
  expect(await callsFor([question])).toEqual([{ name: "counter", arguments: {} }]);
  await using simulator = await startSimulator();
  const whole = await simulator.ask([question, ...exchange("counter", "1")], { tools: CLUSTER_TOOLS });
  expect(whole.choices[0]?.message.content).toBe("w0 w1");
});

test("obeys tool_choice", async () => {
  await using simulator = await startSimulator();
  const none = await simulator.ask("list all pods", { tools: CLUSTER_TOOLS, tool_choice: "none" });
  expect(readCalls(none)).toEqual([]);
  const named = await simulator.ask("Hello", {
    tools: CLUSTER_TOOLS,
    tool_choice: { type: "function", function: { name: "counter" } },
  });
  expect(readCalls(named)).toEqual([{ name: "counter", arguments: {} }]);
});

function exchange(name: string, result: string): Message[] {
  const id = `call_${name}`;
  return [
    { role: "assistant", content: null, tool_calls: [{ id, type: "function", function: { name, arguments: "{}" } }] },
    { role: "tool", tool_call_id: id, content: result },
  ];
}
