import { z } from "zod";
import { defineTool, NotDoneError, type Tool, ToolError, UnknownEffectError } from "../../tools/tool.ts";
import { asking } from "../api-failure.ts";
import { contextField } from "../clusters.ts";
import { pathOf } from "../kube-api.ts";
import { namespaceField } from "../object-place.ts";
import { textOutput } from "../shape.ts";
import { beforeChange, effectOf } from "./write-failure.ts";
import { kubectl } from "./kubectl-text.ts";
import { listAt, textAt } from "./object-fields.ts";
import { checkPermission } from "./permission.ts";
import { runInPod, type CommandEnd } from "./pod-stream.ts";
import {
  askedOf,
  containerField,
  inNamespace,
  nameField,
  onObject,
  read,
  type Spot,
  type WriteDeps,
  wordsOf,
} from "./target.ts";

const MAX_ARGUMENTS = 32;
const MAX_ARGUMENT_CHARS = 1_024;
const COMMAND_MS = 10_000;
const OUTPUT_BYTES = 8 * 1024;

/** Beginnings of commands, as words: `["redis-cli", "info"]`. */
export type CommandRule = readonly (readonly string[])[];

/** What runs whatever it is given: with one of these any list of commands is none. */
const SHELLS =
  /^(?:.*\/)?(?:(?:ba|da|a|z|k|c|tc|fi|pw)?sh|busybox|toybox|env|xargs|nsenter|chroot|sudo|su|setsid|nohup|timeout|nice|watch|script|find|awk|perl|python[\d.]*|node|ruby|lua|php|java|gdb|strace|ssh|socat|nc|ncat)$/;

export function createExec(deps: WriteDeps, allowed: CommandRule): Tool {
  const input = z.strictObject({
    pod: nameField.describe("Name of the pod."),
    command: z
      .array(z.string().max(MAX_ARGUMENT_CHARS))
      .min(1)
      .max(MAX_ARGUMENTS)
      .describe(`The command and its arguments, each an item; there is no shell. Allowed: ${listOf(allowed)}.`),
    namespace: namespaceField,
    container: containerField.optional().describe("Needed when the pod has several containers."),
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, ({ pod, namespace }) => {
    return { kind: "Pod", apiVersion: "v1", name: pod, namespace };
  });
  const prepare = async (given: Input, context: Parameters<typeof object.find>[1]) => {
    checkCommand(given.command, allowed);
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "create", subresource: "exec" }, context.signal);
    const pod = await read(spot.api, spot.target, context);
    return { spot, container: containerOf(pod, given.container) };
  };
  return defineTool({
    name: "k8s_exec",
    description: `Runs one of these commands in a container of a pod, for at most ${COMMAND_MS / 1_000} s: ${listOf(allowed)}.`,
    input,
    effect: "write",
    timeoutMs: 20_000,
    access: object.access("exec"),
    command: (given) => typedOut(given, allowed),
    approval: {
      summary: ({ pod, command, namespace }) => `Runs ${command[0] ?? ""} in the pod ${pod}${inNamespace(namespace)}.`,
      async preview(given, context) {
        const { spot, container } = await prepare(given, context);
        const where = `in container ${container} of ${wordsOf(spot.target)} of the ${spot.cluster.label}`;
        return { kind: "text", text: `${where}:\n${given.command.map((word) => JSON.stringify(word)).join(" ")}` };
      },
    },
    async run(given, context) {
      const { spot, container } = await beforeChange(() => prepare(given, context));
      return outputOf(await runCommand(spot, { ...given, container }, context), `${given.pod}, container ${container}`);
    },
  });
}

interface TypedExec {
  readonly pod: string;
  readonly command: readonly string[];
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  readonly context?: string | undefined;
}

/** What is not allowed is not suggested either. */
function typedOut({ pod, command, namespace, container, context }: TypedExec, allowed: CommandRule): string {
  checkCommand(command, allowed);
  const chosen = container === undefined ? [] : [`--container=${container}`];
  return kubectl(["exec", pod, ...chosen, "--", ...command], { namespace, context });
}

function listOf(allowed: CommandRule): string {
  return allowed.map((words) => words.join(" ")).join(", ");
}

/** Throws a ToolError for a command that is not allowed. Words are compared, whole and in their order, as nothing but the kernel takes them apart. */
function checkCommand(command: readonly string[], allowed: CommandRule): void {
  if (command.some((word) => word.includes("\0")))
    throw new ToolError("An argument has a character that none can have.");
  const [program = ""] = command;
  if (SHELLS.test(program)) throw new ToolError(`${program} runs other programs, so it is never run.`);
  if (allowed.some((words) => words.every((word, at) => word === command[at]))) return;
  throw new ToolError(`This command is not allowed; these are: ${listOf(allowed)}.`);
}

function containerOf(pod: unknown, wanted: string | undefined): string {
  const names = listAt(pod, ["spec", "containers"]).flatMap((one) => textAt(one, ["name"]) ?? []);
  if (textAt(pod, ["status", "phase"]) !== "Running") throw new ToolError("The pod does not run.");
  const [only] = names;
  if (wanted === undefined && names.length === 1 && only !== undefined) return only;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  const which = wanted === undefined ? "Say which container" : `There is no container ${wanted}`;
  throw new ToolError(`${which}: ${names.join(", ")}.`);
}

async function runCommand(
  { cluster, target }: Spot,
  { command, container }: { readonly command: readonly string[]; readonly container: string },
  context: Parameters<ReturnType<typeof onObject>["find"]>[1],
): Promise<CommandEnd> {
  const query = new URLSearchParams({ container, stdout: "true", stderr: "true" });
  for (const word of command) query.append("command", word);
  const path = `${pathOf(target.kind, { ...target, subresource: "exec" })}?${query.toString()}`;
  const { access, headers } = cluster.asOperator(context);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(COMMAND_MS)]);
  const identity = { access, report: cluster.report };
  const send = (): Promise<CommandEnd> => runInPod({ path, access, headers, signal, maxBytes: OUTPUT_BYTES });
  if (context.signal.aborted) throw new NotDoneError("It was stopped before the command was run.");
  try {
    const end = await asking(identity, askedOf(target, "run a command in"), send, context.signal);
    if (end.exit === undefined) throw new UnknownEffectError(whyUnknown(signal));
    return end;
  } catch (error) {
    throw effectOf(error);
  }
}

function whyUnknown(signal: AbortSignal): string {
  return signal.aborted
    ? `the command did not end within ${COMMAND_MS / 1_000} s, and may still run.`
    : "the connection ended before the command did.";
}

function outputOf({ output, isCut, exit }: CommandEnd, where: string) {
  const how = exit === undefined || exit.code === 0 ? "ended well" : `failed (exit code ${exit.code})`;
  const cut = isCut ? `; only the first ${OUTPUT_BYTES / 1024} KB of its output were kept` : "";
  const summary = `The command in ${where} ${how}${cut}.`;
  const text = [output, exit?.says ?? ""].filter(Boolean).join("\n");
  return text === "" ? `${summary} It wrote nothing.` : textOutput({ summary, text, keep: "beginning" });
}
