import { limits } from "@parley/protocol";
import { z } from "zod";
import { toPlainText } from "../plain-text.ts";
import { lastLinesWithin } from "../result-text.ts";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";
import { redactText } from "./redaction.ts";

const MAX_TAIL = 2_000;
/**
 * Only against lines without end: the server cuts at the *newest* end when it cuts, which is the part that matters. The result is then
 * cut at the oldest end, to a much smaller size.
 */
const READ_BYTES = 8 * 1024 * 1024;
/** Room for the summary line. */
const SUMMARY_BYTES = 1_024;

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
  // One redaction of the whole text: a key in PEM form goes over several lines.
  const text = redactText(toPlainText(log ?? "")).replace(/\n$/, "");
  const lines = text === "" ? [] : text.split("\n");
  const found = grep === undefined ? lines : lines.filter(containing(grep));
  const wanted = found.slice(-tail);
  const shown = lastLinesWithin(wanted, limits.toolResultBytes - SUMMARY_BYTES);
  const which = previous ? "the previous container's log" : "the log";
  const filter = grep === undefined ? "" : ` with ${JSON.stringify(grep)}`;
  const count =
    shown.length < found.length ? `The last ${shown.length} of ${found.length} lines` : plural(found.length);
  return {
    text: [`${count}${filter} of ${which} of ${pod}.`, ...shown].join("\n"),
    truncated: shown.length < wanted.length,
  };
}

function plural(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

/** Plain texts, not a pattern: a regular expression from a model can take for ever. */
function containing(grep: string): (line: string) => boolean {
  const texts = grep.toLowerCase().split("|").filter(Boolean);
  return (line) => texts.some((text) => line.toLowerCase().includes(text));
}
