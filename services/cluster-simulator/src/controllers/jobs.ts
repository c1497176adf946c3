import { HOUR_MS, isoSeconds, MINUTE_MS, SECOND_MS } from "../durations.ts";
import { pickSuffix } from "../fixed-random.ts";
import { at, compact, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { createdMsOf, isLeaving, type KubeObject, labelsOf, nameOf, namespaceOf } from "../kube-object.ts";
import { nextRunAfter } from "./cron-schedule.ts";
import { activePods, isReadyPod, makePod } from "./pods-of.ts";
import { condition, type World } from "./world.ts";

/** Runs pods until as many have succeeded as a job wants, or too many have failed. */
export function runJobs(world: World): void {
  for (const job of world.list("Job")) {
    if (isLeaving(job)) continue;
    if (isFinished(job)) removeWhenOld(job, world);
    else work(job, world);
  }
}

function isFinished(job: KubeObject): boolean {
  return listAt(job, "status", "conditions").some(
    (entry) => ["Complete", "Failed"].includes(textAt(entry, "type") ?? "") && textAt(entry, "status") === "True",
  );
}

function removeWhenOld(job: KubeObject, world: World): void {
  const ttl = numberAt(job, "spec", "ttlSecondsAfterFinished");
  const ended = listAt(job, "status", "conditions").map((entry) =>
    Date.parse(textAt(entry, "lastTransitionTime") ?? ""),
  );
  if (ttl === undefined) return;
  const dueMs = Math.max(...ended) + ttl * SECOND_MS;
  if (world.nowMs >= dueMs) world.remove(job);
  else world.wakeAt(dueMs);
}

function work(job: KubeObject, world: World): void {
  const isSuspended = at(job, "spec", "suspend") === true;
  const pods = world.owned("Pod", job);
  const phase = (name: string): number => pods.filter((pod) => textAt(pod, "status", "phase") === name).length;
  const [succeeded, failed] = [phase("Succeeded"), phase("Failed")];
  const isFailed = failed > (numberAt(job, "spec", "backoffLimit") ?? 6);
  const missing = Math.max(0, (numberAt(job, "spec", "completions") ?? 1) - succeeded);
  if (!isSuspended && !isFailed) addPods(job, missing, world);
  const active = activePods(job, world);
  const some = (count: number): number | undefined => (count === 0 ? undefined : count);
  world.setStatus(
    job,
    compact({
      startTime: textAt(job, "status", "startTime") ?? (isSuspended ? undefined : isoSeconds(world.nowMs)),
      active: some(active.length),
      ready: active.filter(isReadyPod).length,
      succeeded: some(succeeded),
      failed: some(failed),
      completionTime: missing === 0 ? isoSeconds(world.nowMs) : undefined,
      conditions: conditionsOf(missing === 0, isFailed, world.nowMs),
    }),
  );
}

function addPods(job: KubeObject, missing: number, world: World): void {
  const room = Math.min(numberAt(job, "spec", "parallelism") ?? 1, missing) - activePods(job, world).length;
  for (let made = 0; made < room; made += 1) {
    const name = `${nameOf(job)}-${pickSuffix(`${job.metadata.uid}/${world.version()}`, 5)}`;
    if (makePod(job, { name }, world) === undefined) return;
    const message = `Created pod: ${name}`;
    world.happen({ about: job, type: "Normal", reason: "SuccessfulCreate", message, source: "job-controller" });
  }
}

function conditionsOf(isComplete: boolean, isFailed: boolean, nowMs: number): JsonObject[] | undefined {
  if (isComplete)
    return [
      condition("Complete", true, nowMs, {
        reason: "CompletionsReached",
        message: "Reached expected number of succeeded pods",
      }),
    ];
  if (isFailed)
    return [
      condition("Failed", true, nowMs, {
        reason: "BackoffLimitExceeded",
        message: "Job has reached the specified backoff limit",
      }),
    ];
  return undefined;
}

/** Makes a job at each time that a schedule names; of several that were missed only the last. */
export function runCronJobs(world: World): void {
  for (const cron of world.list("CronJob")) {
    if (isLeaving(cron)) continue;
    const active = world.owned("Job", cron).filter((job) => !isFinished(job));
    const due = dueRun(cron, world);
    const isHeld = textAt(cron, "spec", "concurrencyPolicy") === "Forbid" && active.length > 0;
    const made = due === undefined || isHeld ? [] : [makeJob(cron, due, world)];
    const all = [...active, ...made].map((job) => referenceTo(job));
    const last = made.length === 0 || due === undefined ? textAt(cron, "status", "lastScheduleTime") : isoSeconds(due);
    world.setStatus(cron, compact({ lastScheduleTime: last, active: all.length === 0 ? undefined : all }));
    forgetOld(cron, world);
  }
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject): JsonObject {
  return { apiVersion, kind, name: metadata.name, namespace: textAt(metadata, "namespace") ?? "", uid: metadata.uid };
}

function dueRun(cron: KubeObject, world: World): number | undefined {
  if (at(cron, "spec", "suspend") === true) return undefined;
  const schedule = textAt(cron, "spec", "schedule") ?? "";
  const last = textAt(cron, "status", "lastScheduleTime");
  const fromMs = last === undefined ? createdMsOf(cron) : Date.parse(last);
  let due: number | undefined;
  let next = nextRunAfter(schedule, Math.max(fromMs, world.nowMs - HOUR_MS));
  while (next !== undefined && next <= world.nowMs) {
    due = next;
    next = nextRunAfter(schedule, next);
  }
  if (next !== undefined) world.wakeAt(next);
  return due;
}

function makeJob(cron: KubeObject, dueMs: number, world: World): KubeObject {
  const template = objectAt(cron, "spec", "jobTemplate");
  const name = `${nameOf(cron)}-${Math.floor(dueMs / MINUTE_MS)}`;
  const label = { "batch.kubernetes.io/job-name": name };
  const spec = structuredClone(objectAt(template, "spec"));
  const pod = objectAt(spec, "template");
  spec["selector"] = { matchLabels: label };
  spec["template"] = { ...pod, metadata: { ...objectAt(pod, "metadata"), labels: { ...labelsOf(pod), ...label } } };
  world.happen({
    about: cron,
    type: "Normal",
    reason: "SuccessfulCreate",
    message: `Created job ${name}`,
    source: "cronjob-controller",
  });
  return world.make("Job", {
    name,
    namespace: namespaceOf(cron),
    labels: labelsOf(template),
    owner: cron,
    fields: { spec, status: {} },
  });
}

function forgetOld(cron: KubeObject, world: World): void {
  const finished = world
    .owned("Job", cron)
    .filter(isFinished)
    .toSorted((left, right) => createdMsOf(right) - createdMsOf(left));
  const hasFailed = (job: KubeObject): boolean =>
    listAt(job, "status", "conditions").some((entry) => textAt(entry, "type") === "Failed");
  const keep = {
    failed: numberAt(cron, "spec", "failedJobsHistoryLimit") ?? 1,
    done: numberAt(cron, "spec", "successfulJobsHistoryLimit") ?? 3,
  };
  for (const job of finished.filter(hasFailed).slice(keep.failed)) world.remove(job);
  for (const job of finished.filter((entry) => !hasFailed(entry)).slice(keep.done)) world.remove(job);
}
