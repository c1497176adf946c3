import type { ContainerStatus, Pod } from "../pod-objects.ts";
import { agoOf, msSince } from "../times.ts";
import { nameOf, quote, refOf, type Finding } from "./finding.ts";
import { eventsOf, workloadOf } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

const RECENT_MS = 10 * 60_000;
const HOUR_MS = 60 * 60_000;
/** Below it a container was started anew now and then, which is what restarts are for. */
const MANY_RESTARTS = 5;

interface Case {
  readonly pod: Pod;
  readonly status: ContainerStatus;
  readonly snapshot: Snapshot;
}

/** Applies a rule to each container of each pod that is not at its end. */
function perContainer(rule: (one: Case) => Omit<Finding, "object" | "alike"> | undefined) {
  return (snapshot: Snapshot): Finding[] =>
    snapshot.pods.flatMap((pod) =>
      [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].flatMap((status) => {
        const found = rule({ pod, status, snapshot });
        if (found === undefined) return [];
        const alike = `${nameOf(workloadOf(pod, snapshot))} ${status.name}`;
        return [{ ...found, object: refOf("Pod", pod.metadata), alike }];
      }),
    );
}

type End = NonNullable<NonNullable<ContainerStatus["lastState"]>["terminated"]>;

function lastEndOf({ state, lastState }: ContainerStatus): End | undefined {
  return state?.terminated ?? lastState?.terminated;
}

function endWords(end: End | undefined, now: Date): string {
  if (end === undefined) return "how its last run ended is not known";
  const message = end.message === undefined ? "" : `, its last words: ${quote(end.message)}`;
  return `its last run ended ${agoOf(end.finishedAt, now)} ago: ${quote(end.reason ?? "ended")}, exit code ${end.exitCode}${message}`;
}

/** What exit codes mean by convention (POSIX shells, 128 + signal). */
const exitCodes: ReadonlyMap<number, string> = new Map([
  [0, "It ends by itself without an error: a container of this kind must keep running, or belongs into a Job"],
  [126, "Its command cannot be executed: look at command, args and the file's mode in the image"],
  [127, "Its command is not in the image: look at command and args"],
  [137, "It was killed (SIGKILL): by its memory limit, by a failing liveness probe, or because it did not end in time"],
  [139, "It accessed memory that is not its own (SIGSEGV): a fault of the program or of a native library"],
  [143, "It was asked to end (SIGTERM): look for a failing liveness probe or for who deleted it"],
]);

function logHint({ metadata }: Pod, container: string): string {
  return `read the log of the run before: k8s_pod_logs with pod ${metadata.name}, container ${container}, previous true`;
}

export const findCrashLoops = perContainer(({ pod, status, snapshot: { now } }) => {
  const end = lastEndOf(status);
  const isBackingOff = status.state?.waiting?.reason === "CrashLoopBackOff";
  const isFlapping = status.restartCount >= MANY_RESTARTS && msSince(end?.finishedAt, now) < RECENT_MS;
  if (!isBackingOff && !isFlapping) return undefined;
  const means = end === undefined ? undefined : exitCodes.get(end.exitCode);
  return {
    severity: "critical",
    evidence: `container ${status.name} was restarted ${status.restartCount} times; ${endWords(end, now)}`,
    suggestion: `${means === undefined ? "" : `${means}; `}${logHint(pod, status.name)}`,
  };
});

export const findOutOfMemory = perContainer(({ pod, status, snapshot: { now } }) => {
  const end = [status.state?.terminated, status.lastState?.terminated].find((one) => one?.reason === "OOMKilled");
  if (end === undefined) return undefined;
  const spec = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === status.name);
  const limit = spec?.resources?.limits?.["memory"];
  const bound =
    limit === undefined ? "it has no memory limit, so its node had none left" : `its memory limit is ${limit}`;
  return {
    severity: msSince(end.finishedAt, now) < HOUR_MS ? "critical" : "warning",
    evidence: `container ${status.name} was killed for its memory ${agoOf(end.finishedAt, now)} ago; ${bound}`,
    suggestion:
      limit === undefined
        ? "set a memory request and limit, and see with k8s_top_pods what it uses"
        : "see with k8s_top_pods what it uses, then raise the limit or find what it keeps in memory",
  };
});

const PULL_REASONS = new Set([
  ...["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"],
  ...["ImageInspectError", "SignatureValidationFailed"],
]);

const pullCauses: readonly (readonly [pattern: RegExp, suggestion: string])[] = [
  [/InvalidImageName|couldn't parse image/i, "the image's name is not one; correct it"],
  [
    /ErrImageNeverPull/,
    "the pull policy is Never and the image is not on the node: load it there or change the policy",
  ],
  [/toomanyrequests|429/i, "the registry limits how much is pulled: log in to it, or use a mirror"],
  [/x509|certificate/i, "the node does not trust the registry's certificate"],
  [
    /unauthorized|denied|forbidden|401|403|authentication/i,
    "the registry refuses: does the image exist, and does imagePullSecrets name a Secret with access to it?",
  ],
  [/not found|manifest unknown|404|does not exist/i, "there is no such image or tag in the registry: correct the tag"],
  [
    /no such host|i\/o timeout|connection refused|dial tcp|deadline exceeded/i,
    "the node does not reach the registry: look at its name, DNS and network",
  ],
];

export const findImagePulls = perContainer(({ pod, status, snapshot }) => {
  const { reason = "", message = "" } = status.state?.waiting ?? {};
  if (!PULL_REASONS.has(reason)) return undefined;
  const told = pullFailure(pod, snapshot) ?? message;
  const cause = pullCauses.find(([pattern]) => pattern.test(`${reason} ${message} ${told}`));
  const image = pod.spec.containers.find(({ name }) => name === status.name)?.image ?? status.image;
  return {
    severity: "critical",
    evidence: `image ${quote(image)} of container ${status.name} cannot be pulled (${reason}): ${quote(told)}`,
    suggestion: cause?.[1] ?? "look at the pod's events: k8s_events",
  };
});

/** While a container backs off its own message says nothing of the cause; the event of the failure does. */
function pullFailure({ metadata }: Pod, snapshot: Snapshot): string | undefined {
  return eventsOf(snapshot, refOf("Pod", metadata)).find(
    ({ type, message = "" }) => type === "Warning" && /pull/i.test(message) && !/back-off/i.test(message),
  )?.message;
}

const CREATE_REASONS = new Set(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]);

export const findConfigErrors = perContainer(({ status }) => {
  const waiting = status.state?.waiting;
  if (waiting?.reason === undefined || !CREATE_REASONS.has(waiting.reason)) return undefined;
  return {
    severity: "critical",
    evidence: `container ${status.name} cannot be created (${waiting.reason}): ${quote(waiting.message)}`,
    suggestion: /not found|couldn't find key/i.test(waiting.message ?? "")
      ? "create the ConfigMap, Secret or key that it names, in the same namespace, or correct the name"
      : "correct what the message names: command, mounts or security context of the container",
  };
});
