import type { ApprovalForm, Outcome, Part, ToolCallPart } from "@parley/protocol";
import type { MessageView } from "@parley/protocol/fold";

/** Every state of a message, with data that does not change: what the gallery shows, and what pictures are made of. */

export interface State {
  readonly name: string;
  readonly message: MessageView;
}

const ts = Date.UTC(2026, 10, 29, 14, 5, 12);
const ended = { message_id: "a", tool_calls: [], usage: { input_tokens: 1_834, output_tokens: 412 } };
const metadata = { agent: "kubernetes", model: "parley-simulated", confidence: 0.87, finish: "stop" };
const complete: Outcome = { type: "complete", response: "", ...ended, metadata };

let made = 0;

function answer(name: string, parts: Part[], outcome: Outcome | null = complete): State {
  const turn_id = `turn${(made += 1)}`;
  const isAsked = parts.some((part) => part.type === "tool_call" && "approval" in part);
  const status = outcome?.type ?? (isAsked ? "waiting" : "running");
  const common = { message_id: `${turn_id}-a`, turn_id, author: { role: "assistant" }, parts, status } as const;
  return { name, message: { ...common, ...(outcome === null ? {} : { outcome, ts }) } };
}

function question(name: string, text: string): State {
  const turn_id = `turn${(made += 1)}`;
  const author = { role: "user", id: "u", name: "Ada" } as const;
  const parts = [{ type: "text", text } as const];
  return { name, message: { message_id: `${turn_id}-u`, turn_id, author, parts, status: "complete", ts } };
}

const text = (value: string): Part => ({ type: "text", text: value });

function call(more: Partial<ToolCallPart>): ToolCallPart {
  const { tool_name = "list_pods", arguments: args = { namespace: "shop", selector: "app=checkout" } } = more;
  return { type: "tool_call", call_id: `call${(made += 1)}`, tool_name, arguments: args, ...more };
}

const pods = JSON.stringify([
  { name: "checkout-6f7c9d-4xkqz", ready: "1/1", status: "Running", restarts: 0, age: "3d" },
  { name: "checkout-6f7c9d-9jd2p", ready: "0/1", status: "CrashLoopBackOff", restarts: 17, age: "41m" },
  { name: "cart-84b5c7-lm2vw", ready: "1/1", status: "Running", restarts: 1, age: "12d" },
]);

const markdown = `# What is wrong

Two of three pods run. **checkout-6f7c9d-9jd2p** restarts again and again, because it cannot reach its database: the
secret \`checkout-db\` has *no key* \`password\`. See [the docs](https://kubernetes.io/docs/concepts/configuration/secret/).

## What you can do

1. Add the key:
   \`\`\`bash
   kubectl -n shop patch secret checkout-db \\
     --type merge -p '{"stringData":{"password":"…"}}'
   \`\`\`
2. Wait for the next restart.
   - It comes within five minutes,
   - or at once with \`kubectl rollout restart\`.

| pod | ready | restarts |
|:----|:-----:|---------:|
| checkout-6f7c9d-4xkqz | 1/1 | 0 |
| checkout-6f7c9d-9jd2p | 0/1 | 17 |

\`\`\`yaml
apiVersion: v1
kind: Secret
metadata:
  name: checkout-db # of the shop
stringData:
  username: checkout
  password: "…"
\`\`\`

> A secret is read when a container starts, not later.

- [x] Found the cause
- [ ] Mend it

![a diagram](https://images.example/diagram.png)

It has been like this since Friday.[^1]

[^1]: The deployment of 27 November removed the key.`;

const diff = `@@ spec @@
 replicas: 3
-image: registry.local/checkout:1.8.2
-memory: 256Mi
+image: registry.local/checkout:1.8.3
+memory: 512Mi
 restartPolicy: Always`;

/** After the time at which the gallery is looked at. */
const later = (minutes: number): number => Date.now() + minutes * 60_000;

function asked(more: ToolCallPart["approval"], over: Partial<ToolCallPart> = {}): ToolCallPart {
  const summary = "Change the image of deployment checkout in namespace shop.";
  const tool = { tool_name: "patch_deployment", arguments: { name: "checkout", namespace: "shop" } };
  return call({ ...tool, ...over, approval: { summary, expires_at: later(9), ...more } });
}

const form: ApprovalForm = [
  { name: "environment", type: "string", title: "Environment", options: ["staging", "production"], required: true },
  { name: "replicas", type: "integer", title: "Replicas", description: "At most 10.", required: true },
  { name: "note", type: "string", title: "Note for the log" },
  { name: "notify", type: "boolean", title: "Tell the team" },
  { name: "zones", type: "choices", title: "Zones", options: ["a", "b", "c"] },
];

const sources: Part[] = [
  {
    type: "source",
    title: "Runbook › Secrets",
    file: "knowledge/runbook.md",
    score: 7.31,
    passage: "A secret is read once.\n\nAfter a change the pods have to be restarted.",
  },
  { type: "source", title: "Deployments of November", file: "knowledge/deployments.md", score: 4.02 },
  {
    type: "source",
    title: "Kubernetes documentation, with a title that is far too long for a chip",
    url: "https://kubernetes.io/docs/",
  },
];

const failed = (code: string, error: string, retryable: boolean): Outcome => ({
  type: "error",
  response: "",
  ...ended,
  code,
  error,
  retryable,
});

export const states: readonly State[] = [
  question("question", "Which checkout pods are failing, and why?\n\nAnd what can I do about it?"),
  question(
    "long question",
    Array.from({ length: 60 }, (_, i) => `2026-11-29T14:05:${i} error: no such key`).join("\n"),
  ),
  answer("begins", [], null),
  answer("writes", [text("Two of three pods run. **checkout-6f7c9d-9jd2p** restarts again and ag")], null),
  answer("thinks", [{ type: "reasoning", text: "The person asks about pods, so I list them first." }], null),
  answer("Markdown", [...sources, text(markdown)]),
  answer("reasoning that is shown", [
    { type: "reasoning", text: "I list the pods.\n\n- shop\n- payments", shown: true },
    text("Here they are."),
  ]),
  answer("tool runs", [text("I look at the pods."), call({})], null),
  answer("tools", [
    text("I look at the pods."),
    call({ status: "completed", result: pods, duration_ms: 184 }),
    text("One of them fails. Its log:"),
    call({
      tool_name: "pod_log",
      status: "completed",
      result: `\u001b[31merror\u001b[0m no key password\n`.repeat(260),
      duration_ms: 1_320,
      result_bytes: 180_000,
      result_id: "r1",
    }),
    call({ tool_name: "get_secret", status: "failed", result: "Error: forbidden.", duration_ms: 40 }),
    call({
      tool_name: "restart",
      status: "unknown",
      result: "It is not known whether this was done.",
      duration_ms: 30_000,
    }),
    call({
      tool_name: "delete_pod",
      status: "denied",
      result: "Denied.",
      duration_ms: 0,
      approval: {
        summary: "Delete pod checkout-6f7c9d-9jd2p.",
        approved: false,
        by: { id: "u2", name: "Grace" },
        reason: "Not on a Sunday.",
      },
    }),
    call({ tool_name: "wait", status: "timeout", result: "It took too long.", duration_ms: 60_000 }),
    call({ tool_name: "drain", status: "cancelled", result: "Cancelled.", duration_ms: 900 }),
  ]),
  answer(
    "approval",
    [
      text("I would change the deployment."),
      asked({
        preview: { kind: "diff", text: diff },
        confirm: "checkout",
        like_ms: 600_000,
        policy_reason: "Production needs a person's word.",
      }),
    ],
    null,
  ),
  answer(
    "four eyes",
    [
      asked({
        four_eyes: true,
        expires_at: later(0.5),
        preview: { kind: "text", text: 'checkout:\n"rm" "-rf" "/tmp/cache"' },
      }),
    ],
    null,
  ),
  answer("form", [asked({ summary: "Where is it to be rolled out?", form }, { tool_name: "rollout" })], null),
  answer("approved", [
    asked(
      { approved: true, by: { id: "u", name: "Ada" }, like_for_ms: 600_000 },
      { status: "completed", result: "deployment.apps/checkout patched", duration_ms: 310 },
    ),
    text("Done."),
  ]),
  answer("nobody decided", [
    asked({ approved: false, reason: "expired" }, { status: "denied", result: "Expired.", duration_ms: 0 }),
  ]),
  answer("cut", [text("The first reason is")], { ...complete, metadata: { ...metadata, finish: "length" } }),
  answer("empty", [], { ...complete, metadata: { ...metadata, finish: "empty" } }),
  answer("stopped", [text("Two of three pods")], {
    type: "cancelled",
    response: "",
    ...ended,
    reason: "cancelled by user",
  }),
  answer("failed", [text("Two of")], failed("MODEL_UNAVAILABLE", "The language model cannot be reached.", true)),
  answer("failed for good", [], failed("QUOTA_EXCEEDED", "The quota is used up.", false)),
  answer("wide", [
    text(
      `${"Wide".repeat(80)}\n\n| ${Array.from({ length: 14 }, (_, i) => `column ${i}`).join(" | ")} |\n|${"---|".repeat(14)}\n| ${"value with words | ".repeat(14)}\n\n\`\`\`\n${"x".repeat(300)}\n\`\`\`\n\nمرحبا بالعالم، هذا نص من اليمين إلى اليسار.`,
    ),
  ]),
];
