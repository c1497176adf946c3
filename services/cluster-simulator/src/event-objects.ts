import { type ClusterView, metadataOf, type Owner, type PodRecord, replicaSetName } from "./cluster.ts";
import { HOUR_MS, isoSeconds, MINUTE_MS } from "./durations.ts";
import { pickUid } from "./fixed-random.ts";
import { UNSCHEDULABLE_MESSAGE } from "./pod-objects.ts";
import { type PodState, podStateAt } from "./pod-state.ts";

export type Event = ReturnType<typeof eventObject>;

/** How long an API server keeps events. */
const EVENT_TTL_MS = HOUR_MS;
/** How often the scheduler tries again, at the latest. */
const SCHEDULING_RETRY_MS = 5 * MINUTE_MS;

type Subject = { apiVersion: string; kind: string; namespace: string; name: string; uid: string; fieldPath?: string };

type Happening = {
  about: Subject;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  source: string;
  firstMs: number;
  lastMs: number;
  count: number;
};

/** What happened lately: derived from what the pods and workloads do, so that it fits what they show. */
export function eventObjects(view: ClusterView) {
  const happenings = [
    ...view.pods.flatMap((pod) => podHappenings(pod, view.nowMs)),
    ...view.owners.flatMap(ownerHappenings),
  ];
  return happenings
    .filter(({ lastMs }) => lastMs > view.nowMs - EVENT_TTL_MS)
    .map((happening) => eventObject(happening, view));
}

function eventObject(happening: Happening, view: ClusterView) {
  const { about, type, reason, message, source, firstMs, lastMs, count } = happening;
  const name = `${about.name}.${pickUid(`${about.uid}/${reason}/${firstMs}`).replaceAll("-", "").slice(0, 16)}`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: metadataOf(view, { name, namespace: about.namespace, createdMs: firstMs, changedMs: lastMs }),
    involvedObject: about,
    reason,
    message,
    source: { component: source },
    firstTimestamp: isoSeconds(firstMs),
    lastTimestamp: isoSeconds(lastMs),
    count,
    type,
    eventTime: null,
    reportingComponent: source,
    reportingInstance: "",
  };
}

function podHappenings(pod: PodRecord, nowMs: number): Happening[] {
  const { namespace, containers } = pod.owner.workload;
  const about: Subject = { apiVersion: "v1", kind: "Pod", namespace, name: pod.name, uid: pod.uid };
  const state = podStateAt(pod, nowMs);
  if (state.kind === "unscheduled") return [schedulingFailure(about, pod.bornMs, nowMs)];
  const scheduled = once(about, {
    reason: "Scheduled",
    message: `Successfully assigned ${namespace}/${pod.name} to ${pod.node ?? ""}`,
    source: "default-scheduler",
    atMs: pod.bornMs,
  });
  const started =
    state.kind === "starting"
      ? []
      : containers.flatMap(({ name, image }) =>
          startHappenings({ ...about, fieldPath: `spec.containers{${name}}` }, { name, image, pod, state }),
        );
  return [scheduled, ...started];
}

function schedulingFailure(about: Subject, bornMs: number, nowMs: number): Happening {
  const tries = Math.floor((nowMs - bornMs) / SCHEDULING_RETRY_MS);
  return {
    about,
    type: "Warning",
    reason: "FailedScheduling",
    message: UNSCHEDULABLE_MESSAGE,
    source: "default-scheduler",
    firstMs: bornMs,
    lastMs: bornMs + tries * SCHEDULING_RETRY_MS,
    count: tries + 1,
  };
}

type Start = { name: string; image: string; pod: PodRecord; state: PodState };

function startHappenings(about: Subject, { name, image, pod, state }: Start): Happening[] {
  const crash = state.kind === "crashing" ? state : undefined;
  const lastRunMs =
    crash === undefined ? state.sinceMs : crash.running ? crash.sinceMs : (crash.lastRun?.startedMs ?? crash.sinceMs);
  const spread = { firstMs: pod.bornMs, lastMs: lastRunMs, count: (crash?.restarts ?? 0) + 1 };
  const normal = (reason: string, message: string): Happening => ({
    about,
    type: "Normal",
    reason,
    message,
    source: "kubelet",
    ...spread,
  });
  const starts = [
    normal("Pulled", `Container image "${image}" already present on machine`),
    normal("Created", `Created container: ${name}`),
    normal("Started", `Started container ${name}`),
  ];
  if (crash?.lastRun === undefined) return starts;
  const message = `Back-off restarting failed container ${name} in pod ${pod.name}_${about.namespace}(${pod.uid})`;
  const lastMs = Math.max(crash.lastRun.finishedMs, crash.sinceMs);
  return [
    ...starts,
    {
      about,
      type: "Warning",
      reason: "BackOff",
      message,
      source: "kubelet",
      ...spread,
      lastMs,
      count: crash.restarts + 1,
    },
  ];
}

function ownerHappenings(owner: Owner): Happening[] {
  const { workload, uid, changedMs, replicas } = owner;
  if (workload.kind !== "Deployment") return [];
  const about: Subject = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    namespace: workload.namespace,
    name: workload.name,
    uid,
  };
  const message = `Scaled replica set ${replicaSetName(owner)} to ${replicas}`;
  return [once(about, { reason: "ScalingReplicaSet", message, source: "deployment-controller", atMs: changedMs })];
}

type Moment = Pick<Happening, "reason" | "message" | "source"> & { atMs: number };

function once(about: Subject, { reason, message, source, atMs }: Moment): Happening {
  return { about, type: "Normal", reason, message, source, firstMs: atMs, lastMs: atMs, count: 1 };
}
