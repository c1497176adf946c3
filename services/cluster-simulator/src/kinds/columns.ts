import { humanDuration } from "../durations.ts";
import { type Json, textAt, textsAt } from "../json.ts";
import type { Column } from "../store/resource-kind.ts";

export const NAME: Column = { name: "Name", cell: ({ metadata }) => metadata.name };
export const AGE: Column = { name: "Age", cell: ({ metadata }, nowMs) => ageOf(metadata.creationTimestamp, nowMs) };

export function ageOf(time: string | undefined, nowMs: number): string {
  return time === undefined ? "<unknown>" : humanDuration(nowMs - Date.parse(time));
}

/** A column that shows the value at a path. */
export function column(name: string, path: readonly (string | number)[], missing: string | number = "<none>"): Column {
  return {
    name,
    cell: (object) => {
      const found = path.reduce<Json | undefined>(stepInto, object);
      return typeof found === "string" || typeof found === "number"
        ? found
        : typeof found === "boolean"
          ? String(found)
          : missing;
    },
  };
}

function stepInto(value: Json | undefined, step: string | number): Json | undefined {
  if (Array.isArray(value)) return typeof step === "number" ? value[step] : undefined;
  return typeof value === "object" && value !== null ? value[step] : undefined;
}

export function wide(column: Column): Column {
  return { ...column, wide: true };
}

export function pairs(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  return entries.length === 0 ? "<none>" : entries.map(([key, value]) => `${key}=${value}`).join(",");
}

export function selectorText(selector: Json | undefined): string {
  return pairs(textsAt(selector, "matchLabels"));
}

export function joined(values: readonly Json[], name: string): string {
  return values.map((value) => textAt(value, name) ?? "").join(",") || "<none>";
}
