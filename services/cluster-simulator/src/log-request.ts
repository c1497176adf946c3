import { badRequest, notFound } from "./api-status.ts";
import type { ClusterView, PodRecord } from "./cluster.ts";
import { isoSeconds, SECOND_MS } from "./durations.ts";
import { containerLog, type LogLine, type LogWindow, previousLog } from "./pod-logs.ts";
import { podStateAt } from "./pod-state.ts";
import type { ContainerSpec } from "./workloads.ts";

/** The body of `pods/<name>/log`, with the refusals of a real API server and kubelet. */
export function logBody(view: ClusterView, namespace: string, name: string, query: URLSearchParams): string {
  if (query.get("follow") === "true") throw badRequest("the simulated cluster does not follow logs");
  const pod = view.pods.find((record) => record.name === name && record.owner.workload.namespace === namespace);
  if (pod === undefined) throw notFound("pods", "", name);
  const container = chooseContainer(pod, query.get("container"));
  refuseUnstarted(pod, container, view.nowMs);
  const lines = readLines(pod, container, view.nowMs, query);
  const withTime = query.get("timestamps") === "true";
  const text = lines.map(({ atMs, text: line }) => `${withTime ? `${isoSeconds(atMs)} ` : ""}${line}\n`).join("");
  return cutToBytes(text, wholeNumber(query, "limitBytes"));
}

function chooseContainer(pod: PodRecord, wanted: string | null): ContainerSpec {
  const { containers } = pod.owner.workload;
  if (wanted === null || wanted === "") {
    if (containers.length === 1) return containers[0];
    const names = containers.map(({ name }) => name).join(" ");
    throw badRequest(`a container name must be specified for pod ${pod.name}, choose one of: [${names}]`);
  }
  const found = containers.find(({ name }) => name === wanted);
  if (found === undefined) throw badRequest(`container ${wanted} is not valid for pod ${pod.name}`);
  return found;
}

function refuseUnstarted(pod: PodRecord, container: ContainerSpec, nowMs: number): void {
  const state = podStateAt(pod, nowMs);
  if (state.kind === "unscheduled") throw badRequest(`pod ${pod.name} does not have a host assigned`);
  if (state.kind !== "starting") return;
  throw badRequest(`container "${container.name}" in pod "${pod.name}" is waiting to start: ContainerCreating`);
}

function readLines(pod: PodRecord, container: ContainerSpec, nowMs: number, query: URLSearchParams): LogLine[] {
  const window = readWindow(query, nowMs);
  if (query.get("previous") !== "true") return containerLog(pod, container, nowMs, window);
  const lines = previousLog(pod, nowMs, window);
  if (lines === undefined)
    throw badRequest(`previous terminated container "${container.name}" in pod "${pod.name}" not found`);
  return lines;
}

function readWindow(query: URLSearchParams, nowMs: number): LogWindow {
  const sinceSeconds = wholeNumber(query, "sinceSeconds");
  const sinceTime = query.get("sinceTime");
  const sinceTimeMs = sinceTime === null ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceTimeMs)) throw badRequest("sinceTime is not a time");
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * SECOND_MS;
  return { tailLines: wholeNumber(query, "tailLines"), sinceMs };
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name} must be a whole number`);
  return Number(text);
}

function cutToBytes(text: string, limitBytes: number | undefined): string {
  if (limitBytes === undefined) return text;
  return Buffer.from(text, "utf8").subarray(0, limitBytes).toString("utf8");
}
