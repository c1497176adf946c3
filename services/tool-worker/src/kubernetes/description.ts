import type { CoreV1Event, V1Container, V1ContainerStatus, V1EnvVar, V1PodSpec } from "@kubernetes/client-node";
import { ageOf } from "./age.ts";
import { toPairs, type Condition, type KindFacts } from "./kind-facts.ts";
import { stateWord } from "./pod-status.ts";
import { redactText, redactValue } from "./redaction.ts";
import { toCell, toTable } from "./table.ts";

const MAX_EVENTS = 20;
const MAX_MESSAGE = 300;

/** Events of an object; undefined when they could not be read. */
export type ObjectEvents = readonly CoreV1Event[] | undefined;

/** A description as text: facts, conditions, containers, settings, the last events. Without anything secret. */
export function describe(title: string, object: KindFacts, events: ObjectEvents, now: Date): string {
  const sections = [
    [title, ...factLines(object, now)].join("\n"),
    section("Conditions", conditionTable(object.conditions ?? [], now)),
    section("Containers", containerTable(object.pod, object.containers ?? [], now)),
    section("Environment", environmentLines(object.pod)),
    eventSection(events, now),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

function section(title: string, text: string): string {
  return text === "" ? "" : `${title}:\n${text}`;
}

function factLines({ metadata, facts }: KindFacts, now: Date): string[] {
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller === true);
  const all: KindFacts["facts"] = [
    ...facts,
    ["Age", ageOf(metadata?.creationTimestamp, now)],
    ["Controlled by", owner === undefined ? undefined : `${owner.kind}/${owner.name}`],
    // Annotations are left out: tools keep whole manifests in them, with whatever these hold.
    ["Labels", toPairs(metadata?.labels)],
  ];
  return all.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}: ${redactText(String(value))}`],
  );
}

function conditionTable(conditions: readonly Condition[], now: Date): string {
  if (conditions.length === 0) return "";
  const rows = conditions.map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    status,
    toCell(reason),
    ageOf(lastTransitionTime, now),
    toMessage(message),
  ]);
  return toTable(["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"], rows);
}

function containerTable(pod: V1PodSpec | undefined, statuses: readonly V1ContainerStatus[], now: Date): string {
  const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
  if (containers.length === 0) return "";
  const rows = containers.map((container) => {
    const status = statuses.find(({ name }) => name === container.name);
    return [
      container.name,
      toCell(container.image),
      status === undefined ? "-" : stateWord(status),
      status === undefined ? "-" : String(status.restartCount),
      lastEnd(status, now),
      toCell(resourcesOf(container)),
    ];
  });
  return toTable(["NAME", "IMAGE", "STATE", "RESTARTS", "LAST END", "RESOURCES"], rows);
}

function lastEnd(status: V1ContainerStatus | undefined, now: Date): string {
  const end = status?.lastState?.terminated;
  if (end === undefined) return "-";
  const ago = end.finishedAt === undefined ? "" : `, ${ageOf(end.finishedAt, now)} ago`;
  return toCell(
    redactText(`${end.reason ?? "ended"} (exit code ${end.exitCode}${ago})${end.message ? `: ${end.message}` : ""}`),
  );
}

function resourcesOf({ resources }: V1Container): string {
  const parts = [
    ["requests", toPairs(resources?.requests)],
    ["limits", toPairs(resources?.limits)],
  ];
  return parts.flatMap(([name, pairs]) => (pairs ? [`${name} ${pairs}`] : [])).join("; ");
}

function environmentLines(pod: V1PodSpec | undefined): string {
  const lines = (pod?.containers ?? []).flatMap(({ name, env = [], envFrom = [] }) => [
    ...env.map((variable) => `${name}: ${variable.name}=${valueOf(variable)}`),
    ...envFrom.flatMap(({ secretRef, configMapRef }) => [
      ...(secretRef === undefined ? [] : [`${name}: all of Secret ${secretRef.name ?? "?"}`]),
      ...(configMapRef === undefined ? [] : [`${name}: all of ConfigMap ${configMapRef.name ?? "?"}`]),
    ]),
  ]);
  return lines.join("\n");
}

function valueOf({ name, value, valueFrom }: V1EnvVar): string {
  if (valueFrom === undefined) return redactValue(name, value ?? "");
  const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom;
  if (secretKeyRef !== undefined) return `(key ${secretKeyRef.key} of Secret ${secretKeyRef.name ?? "?"})`;
  if (configMapKeyRef !== undefined) return `(key ${configMapKeyRef.key} of ConfigMap ${configMapKeyRef.name ?? "?"})`;
  return fieldRef === undefined ? "(from the pod)" : `(field ${fieldRef.fieldPath})`;
}

function eventSection(events: ObjectEvents, now: Date): string {
  if (events === undefined) return "Events: they could not be read.";
  if (events.length === 0) return "Events: none.";
  const last = events.toSorted((one, other) => timeOf(other) - timeOf(one)).slice(0, MAX_EVENTS);
  const rows = last.map((event) => [
    ageOf(new Date(timeOf(event)), now),
    toCell(event.type),
    toCell(event.reason),
    String(event.series?.count ?? event.count ?? 1),
    toMessage(event.message),
  ]);
  const title = last.length < events.length ? `Events (the last ${last.length} of ${events.length})` : "Events";
  return section(title, toTable(["LAST SEEN", "TYPE", "REASON", "COUNT", "MESSAGE"], rows));
}

function timeOf({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: CoreV1Event): number {
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp;
  return time?.getTime() ?? 0;
}

function toMessage(message: string | undefined): string {
  return toCell(redactText(message ?? "").slice(0, MAX_MESSAGE));
}
