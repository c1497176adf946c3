import { factsOf, toMessage } from "./object-facts.ts";
import { listAt, pairsAt, textAt, valueAt } from "./json-path.ts";
import { Pod, type ContainerStatus } from "./pod-objects.ts";
import { stateWord } from "./pod-status.ts";
import { toCell, toTable } from "./table.ts";
import { agoOf, toDate } from "./times.ts";

const maxEvents = 20;

export interface Described {
  /** Already masked. */
  readonly object: unknown;
  /** `Pod/web-1`, and who it belongs to, nearest first. */
  readonly owners: readonly string[];
  /** Undefined: they could not be read. */
  readonly events: readonly unknown[] | undefined;
}

/** A description as text: facts, conditions, owners, containers, settings, the last events. */
export function describeObject({ object, owners, events }: Described, now: Date): string {
  const sections = [
    factsOf(object, now).join("\n"),
    owners.length < 2 ? "" : `Owners: ${owners.join(" of ")}`,
    section("Containers", containerTable(object, now)),
    section("Environment", environmentLines(object)),
    eventSection(events, now),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

function section(title: string, text: string): string {
  return text === "" ? "" : `${title}:\n${text}`;
}

/** Of the pod itself, or of the template of its pods. */
const podPaths = ["spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec"];

function podSpecOf(object: unknown): unknown {
  return podPaths.map((path) => valueAt(object, path)).find((spec) => listAt(spec, "containers").length > 0);
}

function containersOf(object: unknown): readonly unknown[] {
  const spec = podSpecOf(object);
  return [...listAt(spec, "initContainers"), ...listAt(spec, "containers")];
}

function containerTable(object: unknown, now: Date): string {
  const containers = containersOf(object);
  if (containers.length === 0) return "";
  const { containerStatuses = [], initContainerStatuses = [] } = Pod.safeParse(object).data?.status ?? {};
  const statuses = [...initContainerStatuses, ...containerStatuses];
  const rows = containers.map((container) => {
    const name = textAt(container, "name") ?? "?";
    const status = statuses.find((one) => one.name === name);
    const image = toCell(textAt(container, "image"));
    const state = status === undefined ? ["-", "-"] : [stateWord(status), String(status.restartCount)];
    return [name, image, ...state, lastEnd(status, now), toCell(resourcesOf(container))];
  });
  return toTable(["NAME", "IMAGE", "STATE", "RESTARTS", "LAST END", "RESOURCES"], rows);
}

function lastEnd(status: ContainerStatus | undefined, now: Date): string {
  const end = status?.lastState?.terminated;
  if (end === undefined) return "-";
  const { reason = "ended", exitCode, finishedAt, message } = end;
  const ago = finishedAt === undefined ? "" : `, ${agoOf(finishedAt, now)} ago`;
  const why = `${reason} (exit code ${exitCode}${ago})`;
  return toMessage(message === undefined ? why : `${why}: ${message}`);
}

function resourcesOf(container: unknown): string {
  return ["requests", "limits"]
    .flatMap((name) => {
      const pairs = pairsAt(container, `resources.${name}`);
      return pairs ? [`${name} ${pairs}`] : [];
    })
    .join("; ");
}

function environmentLines(object: unknown): string {
  const lines = containersOf(object).flatMap((container) => {
    const name = textAt(container, "name") ?? "?";
    const own = listAt(container, "env").map((one) => `${name}: ${textAt(one, "name")}=${settingOf(one)}`);
    const all = listAt(container, "envFrom").flatMap((from) =>
      [["secretRef", "Secret"] as const, ["configMapRef", "ConfigMap"] as const].flatMap(([field, kind]) => {
        const source = textAt(from, `${field}.name`);
        return source === undefined ? [] : [`${name}: all of ${kind} ${source}`];
      }),
    );
    return [...own, ...all];
  });
  return lines.join("\n");
}

/** Where it comes from, if it is not said here. */
function settingOf(variable: unknown): string {
  const from = valueAt(variable, "valueFrom");
  if (from === undefined) return textAt(variable, "value") ?? "";
  for (const [field, kind] of [
    ["secretKeyRef", "Secret"],
    ["configMapKeyRef", "ConfigMap"],
  ] as const) {
    const key = textAt(from, `${field}.key`);
    if (key !== undefined) return `(key ${key} of ${kind} ${textAt(from, `${field}.name`) ?? "?"})`;
  }
  const path = textAt(from, "fieldRef.fieldPath");
  return path === undefined ? "(from the pod)" : `(field ${path})`;
}

function eventSection(events: readonly unknown[] | undefined, now: Date): string {
  if (events === undefined) return "Events: they could not be read.";
  if (events.length === 0) return "Events: none.";
  const last = events.toSorted((one, other) => timeOf(other) - timeOf(one)).slice(0, maxEvents);
  const rows = last.map((event) => [
    agoOf(timeTextOf(event), now),
    toCell(textAt(event, "type")),
    toCell(textAt(event, "reason")),
    textAt(event, "series.count") ?? textAt(event, "count") ?? "1",
    toMessage(textAt(event, "message") ?? textAt(event, "note")),
  ]);
  const title = last.length < events.length ? `Events (the last ${last.length} of ${events.length})` : "Events";
  return section(title, toTable(["LAST SEEN", "TYPE", "REASON", "COUNT", "MESSAGE"], rows));
}

const timeFields = [
  "series.lastObservedTime",
  "lastTimestamp",
  "eventTime",
  "firstTimestamp",
  "metadata.creationTimestamp",
];

function timeTextOf(event: unknown): string | undefined {
  return timeFields.map((field) => textAt(event, field)).find((time) => time !== undefined);
}

function timeOf(event: unknown): number {
  return toDate(timeTextOf(event))?.getTime() ?? 0;
}
