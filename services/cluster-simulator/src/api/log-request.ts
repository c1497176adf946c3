import { badRequest } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isoSeconds, SECOND_MS } from "../durations.ts";
import { type Json, listAt, textAt } from "../json.ts";
import { type KubeObject, nameOf } from "../kube-object.ts";
import { containerLog, type LogLine, type LogWindow, previousLog } from "./pod-logs.ts";
import { findObject } from "./reads.ts";
import { type ApiReply, isTrue, type ResourceRequest } from "./request.ts";

const FOLLOW_POLL_MS = 200;

/** `pods/<name>/log`, with the refusals of a real API server and kubelet. */
export function logReply(cluster: Cluster, request: ResourceRequest): ApiReply {
  const query = request.url.searchParams;
  const pod = findObject(cluster, request);
  const name = chooseContainer(pod, query.get("container"));
  const status = startedStatus(pod, name);
  const write = (lines: readonly LogLine[]): string => {
    const withTime = isTrue(query.get("timestamps"));
    return lines.map(({ atMs, text: line }) => `${withTime ? `${isoSeconds(atMs)} ` : ""}${line}\n`).join("");
  };
  const lines = readLines(pod, status, cluster.now(), query);
  if (!isTrue(query.get("follow")))
    return { status: 200, text: cutToBytes(write(lines), wholeNumber(query, "limitBytes")) };
  return {
    contentType: "text/plain",
    stream: (send, signal) => follow(cluster, request, { name, sent: lines, write, send }, signal),
  };
}

type Following = {
  name: string;
  sent: readonly LogLine[];
  write: (lines: readonly LogLine[]) => string;
  send: (text: string) => void;
};

/** Sends what is written after the first lines, until the pod or the client is gone. */
async function follow(
  cluster: Cluster,
  request: ResourceRequest,
  { name, sent, write, send }: Following,
  signal: AbortSignal,
): Promise<void> {
  send(write(sent));
  let lastMs = sent.at(-1)?.atMs ?? cluster.now();
  while (!signal.aborted) {
    await pause(FOLLOW_POLL_MS, signal);
    cluster.settle();
    const pod = cluster.store.get(request.kind, `${request.path.namespace ?? ""}/${request.path.name ?? ""}`);
    const status = pod === undefined ? undefined : statusOf(pod, name);
    if (pod === undefined || status === undefined) return;
    const next = containerLog(pod, status, cluster.now(), { sinceMs: lastMs + 1 }).filter(
      ({ atMs }) => atMs <= cluster.now(),
    );
    lastMs = next.at(-1)?.atMs ?? lastMs;
    if (next.length > 0) send(write(next));
    if (textAt(status, "state", "terminated", "reason") !== undefined) return;
  }
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

export function chooseContainer(pod: KubeObject, wanted: string | null): string {
  const names = listAt(pod, "spec", "containers").map((container) => textAt(container, "name") ?? "");
  const [first = ""] = names;
  if (wanted === null || wanted === "") {
    if (names.length === 1) return first;
    throw badRequest(`a container name must be specified for pod ${nameOf(pod)}, choose one of: [${names.join(" ")}]`);
  }
  if (!names.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${nameOf(pod)}`);
  return wanted;
}

function statusOf(pod: KubeObject, container: string): Json | undefined {
  return listAt(pod, "status", "containerStatuses").find((status) => textAt(status, "name") === container);
}

export function startedStatus(pod: KubeObject, container: string): Json {
  if (textAt(pod, "spec", "nodeName") === undefined)
    throw badRequest(`pod ${nameOf(pod)} does not have a host assigned`);
  const status = statusOf(pod, container);
  const waiting = status === undefined ? "ContainerCreating" : textAt(status, "state", "waiting", "reason");
  if (status !== undefined && (waiting === undefined || waiting === "CrashLoopBackOff")) return status;
  throw badRequest(`container "${container}" in pod "${nameOf(pod)}" is waiting to start: ${waiting ?? ""}`);
}

function readLines(pod: KubeObject, status: Json, nowMs: number, query: URLSearchParams): LogLine[] {
  const window = readWindow(query, nowMs);
  if (!isTrue(query.get("previous"))) return containerLog(pod, status, nowMs, window);
  const lines = previousLog(status, window);
  if (lines === undefined)
    throw badRequest(
      `previous terminated container "${textAt(status, "name") ?? ""}" in pod "${nameOf(pod)}" not found`,
    );
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
