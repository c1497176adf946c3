import { fileFields } from "@parley/bus";
import { limits } from "@parley/protocol";
import {
  auditFields,
  brokerFields,
  durationMs,
  encryptionFields,
  flag,
  host,
  httpAddress,
  isOrigin,
  limitsFile,
  logFormat,
  logLevel,
  nodeEnv,
  optionalText,
  port,
  pushHosts,
  redisFields,
  secret,
  traceFields,
  wholeNumber,
} from "@parley/runtime";
import { z } from "zod";
import { vapidKeyOf } from "./notices/vapid.ts";
import { webhookKeyOf } from "./webhook-key.ts";

const count = (defaultCount: number) => wholeNumber(1).default(defaultCount);

/** Kubernetes' own rule for the name of a namespace. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const namespaces = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim()))
  .refine((names) => names.every((name) => NAMESPACE.test(name)), "must be names of namespaces, comma-separated")
  .optional();

const contexts = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim()))
  .refine((names) => names.every(Boolean), "must be names of contexts, comma-separated")
  .refine((names) => new Set(names).size === names.length, "names a context twice")
  .optional();

const listOf = (text: string): string[] => text.split(",").map((one) => one.trim());

const commands = z
  .string()
  .transform((text) => listOf(text).map((command) => command.split(/\s+/)))
  .refine((list) => list.every(([program]) => program !== ""), "must be commands, comma-separated")
  .optional();

const registries = z
  .string()
  .transform(listOf)
  .refine(
    (list) => list.every((one) => /^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9._-]+)*\/?$/.test(one)),
    "must be beginnings of images, comma-separated",
  )
  .optional();

/** A lock is renewed at half of this: with less a worker would lose its calls to a pause of its own. */
const MIN_SILENCE_MS = 500;
const MIN_ROUND_MS = 100;

const APPROVAL_MS = 15 * 60_000;
/** With less nobody could read what they are asked. */
const MIN_APPROVAL_MS = 1_000;

/** As of the edge's. */
const minTokenBytes = 32;

/** All settings of a tool worker; the keys are the names of the environment variables. */
export const Config = z
  .object({
    NODE_ENV: nodeEnv(),
    ...brokerFields(),
    ...encryptionFields(),
    ...fileFields(),
    ...auditFields(),
    AUDIT_ARGUMENTS: flag().describe(
      "Keeps the arguments of calls in the audit log, masked and at most 1 KB, beside their hash.",
    ),
    ...redisFields("with the queue of tool calls"),
    ADMIN_HOST: host().describe("Where probes and metrics are served."),
    ADMIN_PORT: port().default(8021).describe("Where probes and metrics are served."),
    ADMIN_TOKEN: secret()
      .optional()
      .describe(
        "What opens the pages of the queue at `/queues` of the admin port, as the password that a browser asks for. Unset: there are none.",
      ),
    CONCURRENCY: count(16).describe(
      "Calls that run here at once; up to an eighth more while one user has many of them and others wait.",
    ),
    LOCK_MS: durationMs(20_000, MIN_SILENCE_MS).describe(
      "A worker that is silent for longer loses its calls; the same for all workers.",
    ),
    STALLED_CHECK_MS: durationMs(5_000, MIN_ROUND_MS).describe(
      "How often lost workers are looked for; the same for all workers.",
    ),
    APPROVAL_TTL_MS: wholeNumber(MIN_APPROVAL_MS, limits.approvalMs)
      .default(APPROVAL_MS)
      .describe("How long people have to agree to a call that needs it, 1 s to 24 h; undecided by then it is denied."),
    LIMITS_FILE: limitsFile(),
    TOOL_POLICY_FILE: optionalText().describe(
      "Which calls run, are asked about, or denied. Default: `config/tool-policy.yaml`, if it is there. Read again when it changes.",
    ),
    KUBECONFIG: optionalText().describe(
      "Access to the cluster that the Kubernetes tools read: one file or several, as for kubectl.",
    ),
    KUBERNETES_SERVICE_HOST: optionalText().describe(
      "Set by Kubernetes in a pod: its own cluster, if there is no KUBECONFIG.",
    ),
    KUBE_LABEL: optionalText().describe(
      "What results call the cluster; its name in the kubeconfig if not set. People are told that it is not real where this begins with `simulated`.",
    ),
    KUBE_CONTEXTS: contexts.describe(
      "Contexts of the kubeconfig that tools may choose from, comma-separated, the first one if none is named; the current one if not set.",
    ),
    KUBE_OPERATOR_KUBECONFIG: optionalText().describe(
      "As whom tools change something: a kubeconfig of its own. Neither this nor KUBE_OPERATOR_CONTEXT: nothing can be changed.",
    ),
    KUBE_OPERATOR_CONTEXT: contexts.describe(
      "The context as which tools change something, of KUBE_OPERATOR_KUBECONFIG or else of KUBECONFIG; one for each of KUBE_CONTEXTS.",
    ),
    KUBE_IMPERSONATE: z
      .enum(["none", "user"], { error: "must be none or user" })
      .default("none")
      .describe(
        "With `user`, what changes something is asked in the name of the chat user, as parley:<user> in the groups parley:<role>.",
      ),
    KUBE_REQUESTS: count(16).describe("Requests to each cluster at a time."),
    KUBE_NAMESPACES: namespaces.describe("The only namespaces the tools may read, comma-separated; all if not set."),
    KUBE_EXEC_COMMANDS: commands.describe(
      "Commands that k8s_exec may run in pods, comma-separated, each the beginning of one: `df -h,redis-cli info`; without any that tool is not offered.",
    ),
    KUBE_IMAGE_REGISTRIES: registries.describe(
      "Beginnings of the only images that tools may give to pods, comma-separated: `registry.example/shop,docker.io/library`; any if not set.",
    ),
    HTTP_TOOLS_DIR: optionalText().describe(
      "Folder of files that make operations of services, by their OpenAPI documents, into tools. Default: `config/tools`, if it is there.",
    ),
    MCP_FILE: optionalText().describe(
      "Servers of the Model Context Protocol whose tools are offered. Default: `config/mcp.yaml`, if it is there.",
    ),
    DIAGNOSIS_DIR: optionalText().describe(
      "Folder of the diagnostic trees, one YAML file each. Default: `config/diagnosis`, if it is there.",
    ),
    WORKSHOP_FILE: optionalText().describe(
      "The workshop at which people book: its hours, services and prices. Default: `config/workshop.yaml`, if it is there.",
    ),
    PUBLIC_URL: optionalText()
      .refine((text) => text === undefined || isOrigin(text), "must be an origin, such as https://chat.example.org")
      .describe(
        "Under which address people reach the edges: where a tool needs somebody's own account, it says where to connect it.",
      ),
    MCP_TOKEN_KEY: secret()
      .refine((text) => Buffer.from(text, "base64").length === 32, "must be 32 bytes in base64")
      .optional()
      .describe(
        "Seals the tokens of MCP servers with `oauth`; the same for all tool workers, and for edges where users connect accounts.",
      ),
    NOTICE_WEBHOOK_URL: httpAddress().describe(
      "The service that is told of what people who are away should know. Unset: nobody is told.",
    ),
    NOTICE_WEBHOOK_SECRET: secret()
      .refine((text) => webhookKeyOf(text) !== undefined, "must be whsec_ and 24 to 64 bytes in base64")
      .optional()
      .describe("Signs what it is sent, by the Standard Webhooks specification; needed with NOTICE_WEBHOOK_URL."),
    VAPID_PRIVATE_KEY: secret()
      .refine(
        (text) => vapidKeyOf(text) !== undefined,
        "must be 32 bytes in base64url, as `npm run keys -- vapid` makes it",
      )
      .optional()
      .describe(
        "Signs what is sent to browsers by their push services, for which edges have VAPID_PUBLIC_KEY. Unset: none is sent anything.",
      ),
    VAPID_SUBJECT: optionalText()
      .refine(
        (text) => text === undefined || /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/.test(text),
        "must begin with mailto: or https://",
      )
      .describe("Where people of push services reach you when something is wrong; needed with VAPID_PRIVATE_KEY."),
    PUSH_HOSTS: pushHosts(),
    NOTICE_WAITING_MS: durationMs(30_000, 1_000).describe(
      "How long a call waits for the agreement of whoever asked for it before they are told.",
    ),
    DEMO_TOOLS: flag().describe("Offers tools for demonstrations and tests."),
    DEMO_COUNTER_FILE: optionalText().describe(
      "Where demo_counter and demo_change write one line per execution; without it they are not offered.",
    ),
    ...traceFields(),
    LOG_LEVEL: logLevel(),
    LOG_FORMAT: logFormat(),
    SHUTDOWN_MS: durationMs(10_000).describe("Time for running calls that change something when stopping."),
  })
  .refine(
    ({ NODE_ENV, ADMIN_TOKEN: token }) =>
      NODE_ENV !== "production" || token === undefined || Buffer.byteLength(token) >= minTokenBytes,
    { path: ["ADMIN_TOKEN"], error: `must be at least ${minTokenBytes} random bytes in production` },
  )
  .refine(({ VAPID_PRIVATE_KEY: key, VAPID_SUBJECT: subject }) => key === undefined || subject !== undefined, {
    path: ["VAPID_SUBJECT"],
    error: "is not set, but VAPID_PRIVATE_KEY needs it",
    when: () => true,
  })
  .refine(({ NOTICE_WEBHOOK_URL: url, NOTICE_WEBHOOK_SECRET: key }) => url === undefined || key !== undefined, {
    path: ["NOTICE_WEBHOOK_SECRET"],
    error: "is not set, but NOTICE_WEBHOOK_URL needs it",
    when: () => true,
  });
export type Config = z.infer<typeof Config>;
