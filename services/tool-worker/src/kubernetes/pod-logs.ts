import { limits } from "@parley/protocol";
import { z } from "zod";
import { toPlainText } from "../plain-text.ts";
import { lastLinesWithin } from "../result-text.ts";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";
import { redactKeys, redactText } from "./redaction.ts";

const MAX_TAIL = 2_000;
/**
 * Only against lines without end: the server cuts at the *newest* end when it cuts, which is the part that matters. The result is then
 * cut at the oldest end, to a much smaller size.
 */
const READ_BYTES = 4 * 1024 * 1024;
/** What is left for lines beside the summary. */
const LINES_BYTES = limits.toolResultBytes - 1_024;

const Input = z.strictObject({
  pod: ObjectName.describe("Name of the pod."),
  namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
  container: z.string().max(63).optional().describe("Needed when the pod has several containers."),
  previous: z.boolean().default(false).describe("The log of the container before its last restart."),
  tail: z.int().min(1).max(MAX_TAIL).default(200).describe("So many of the last lines."),
  sinceSeconds: z.int().min(1).optional().describe("Only lines of the last so many seconds."),
  grep: z
    .string()
    .max(200)
    .optional()
    .describe("Only lines that contain this text; several texts separated by |. Upper and lower case are the same."),
});
type Input = z.output<typeof Input>;

export function createPodLogs(cluster: Cluster): Tool {
  return defineTool({
    name: "k8s_pod_logs",
    aliases: ["get_pod_logs"],
    description: `Reads the last log lines of a pod of the ${cluster.label}.`,
    input: Input,
    argumentAliases: {
      pod_name: "pod",
      name: "pod",
      tail_lines: "tail",
      tailLines: "tail",
      since_seconds: "sinceSeconds",
      follow: "",
    },
    effect: "read",
    timeoutMs: 20_000,
    async run(input, { signal }) {
      const namespace = input.namespace ?? cluster.defaultNamespace;
      cluster.namespaces.check(namespace);
      const text = await readLog(cluster, { ...input, namespace }, signal);
      return render(text, input, `${input.pod} in namespace ${namespace} of the ${cluster.label}`);
    },
  });
}

function readLog(cluster: Cluster, input: Input & { namespace: string }, signal: AbortSignal): Promise<string> {
  const { pod: name, namespace, container, previous, tail, sinceSeconds, grep } = input;
  const request = {
    name,
    namespace,
    previous,
    // What is looked for may be further up than the lines that are shown.
    tailLines: grep === undefined ? tail : MAX_TAIL,
    limitBytes: READ_BYTES,
    ...(container === undefined ? {} : { container }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
  };
  return asking(
    { what: "pod", name, namespace },
    cluster.core.readNamespacedPodLog(request, abortableBy(signal)),
    signal,
  );
}

function render(log: string | undefined, { tail, grep, previous }: Input, pod: string): ToolOutput {
  const text = redactKeys(toPlainText(log ?? "")).replace(/\n$/, "");
  const lines = text === "" ? [] : text.split("\n");
  const found = grep === undefined ? lines : lines.filter(containing(grep));
  const wanted = found.slice(-tail);
  const shown = redactLines(lastLinesWithin(wanted, LINES_BYTES));
  const which = previous ? "the previous container's log" : "the log";
  const filter = grep === undefined ? "" : ` with ${JSON.stringify(grep)}`;
  const count =
    shown.length < found.length ? `The last ${shown.length} of ${found.length} lines` : plural(found.length);
  const summary = `${count}${filter} of ${which} of ${pod}.`;
  return { text: [summary, ...shown].join("\n"), truncated: shown.length < wanted.length };
}

/** Only what is shown is looked through. What stands for a hidden text can be longer than that, so it is cut to size again. */
function redactLines(lines: readonly string[]): string[] {
  return lastLinesWithin(lines.map(redactText), LINES_BYTES);
}

function plural(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

/** Plain texts, not a pattern: a regular expression from a model can take for ever. */
function containing(grep: string): (line: string) => boolean {
  const texts = grep.toLowerCase().split("|").filter(Boolean);
  return (line) => texts.some((text) => line.toLowerCase().includes(text));
}
