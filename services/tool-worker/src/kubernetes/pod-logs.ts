import { jsonTextBytes, limits } from "@parley/protocol";
import { z } from "zod";
import { toPlainText } from "../plain-text.ts";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { asking } from "./api-failure.ts";
import { abortableText, type Cluster } from "./cluster.ts";
import { fitLogLines } from "./log-lines.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";
import { redactKeys } from "./redaction.ts";

const MAX_TAIL = 2_000;
/** What is read at most. The server cuts at the *newest* end, which is the part that matters, so fewer lines are asked for then. */
const READ_BYTES = 4 * 1024 * 1024;
/** Before only the last line is asked for. */
const MAX_READS = 4;
/** Of the text that was looked for, in the summary. */
const MAX_FILTER_CHARS = 80;
/** The counts and notes of the summary, beside what it repeats of the question. */
const COUNTS_BYTES = 512;

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
      const log = await readLog(cluster, { ...input, namespace }, signal);
      return render(log, input, `${input.pod} in namespace ${namespace} of the ${cluster.label}`);
    },
  });
}

interface ReadLog {
  readonly text: string;
  /** Older lines that were asked for are not in it, because all were too large to be read. */
  readonly isShort: boolean;
  /** The newest line goes on. */
  readonly isCut: boolean;
}

async function readLog(cluster: Cluster, input: Input & { namespace: string }, signal: AbortSignal): Promise<ReadLog> {
  // What is looked for may be further up than the lines that are shown.
  const wanted = input.grep === undefined ? input.tail : MAX_TAIL;
  for (let tailLines = wanted, reads = 1; ; reads++) {
    const { text, isCut } = await readOnce(cluster, { ...input, tailLines }, signal);
    if (!isCut || tailLines === 1) return { text, isCut, isShort: tailLines < wanted };
    const whole = text.split("\n").length - 1;
    tailLines = reads < MAX_READS ? Math.max(1, Math.min(tailLines - 1, Math.floor(whole / 2))) : 1;
  }
}

type LogRequest = Input & { namespace: string; tailLines: number };

async function readOnce(
  cluster: Cluster,
  { pod: name, namespace, container, previous, tailLines, sinceSeconds }: LogRequest,
  signal: AbortSignal,
): Promise<{ text: string; isCut: boolean }> {
  const request = {
    ...{ name, namespace, previous, tailLines },
    limitBytes: READ_BYTES,
    ...(container === undefined ? {} : { container }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
  };
  const { options, isCut } = abortableText(signal, READ_BYTES);
  const read = (): Promise<string | undefined> => cluster.core.readNamespacedPodLog(request, options);
  const text = await asking(cluster, { what: "pod", name, namespace }, read, signal);
  return { text: text ?? "", isCut: isCut() };
}

function render(log: ReadLog, { tail, grep, previous }: Input, pod: string): ToolOutput {
  const text = redactKeys(toPlainText(log.text)).replace(/\n$/, "");
  const lines = text === "" ? [] : text.split("\n");
  const found = grep === undefined ? lines : lines.filter(containing(grep));
  const wanted = found.slice(-tail);
  const which = previous ? "the previous container's log" : "the log";
  const filter = grep === undefined ? "" : ` with ${JSON.stringify(grep.slice(0, MAX_FILTER_CHARS))}`;
  const asked = `${filter} of ${which} of ${pod}`;
  const { lines: shown, cut } = fitLogLines(wanted, limits.toolResultBytes - COUNTS_BYTES - jsonTextBytes(asked));
  const count =
    shown.length < found.length ? `The last ${shown.length} of ${found.length} lines` : plural(found.length);
  const notes = [
    ...(log.isShort ? [`older lines were not looked at, because the log is too large`] : []),
    ...(log.isCut ? ["the last line was not read to its end"] : []),
    ...(cut === 0 ? [] : [`of ${plural(cut)} only the beginning is shown`]),
  ];
  const summary = `${[`${count}${asked}`, ...notes].join("; ")}.`;
  return { text: [summary, ...shown].join("\n"), truncated: shown.length < wanted.length || notes.length > 0 };
}

function plural(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

/** Plain texts, not a pattern: a regular expression from a model can take for ever. */
function containing(grep: string): (line: string) => boolean {
  const texts = grep.toLowerCase().split("|").filter(Boolean);
  return (line) => texts.some((text) => line.toLowerCase().includes(text));
}
