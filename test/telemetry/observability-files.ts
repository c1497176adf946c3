import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const observabilityDir = path.resolve(import.meta.dirname, "../../deploy/observability");
export const prometheusDir = path.join(observabilityDir, "prometheus");

export function filesIn(folder: string): string[] {
  const dir = path.join(observabilityDir, folder);
  return readdirSync(dir).map((name) => path.join(dir, name));
}

export function readAll(folder: string): string {
  return filesIn(folder)
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

/** Names of alerts in the order of the files. */
export function alertNames(): string[] {
  return [...readAll("prometheus/rules").matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? "");
}

/** Our figures and Node's that these texts name, without what Prometheus adds to the names of histograms. */
export function namedMetrics(text: string): string[] {
  const names = [...text.matchAll(/\b(?:parley|nodejs|process)_[a-z0-9_]+\b/g)].map(([name]) => name);
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")))];
}

/** Name and type of each figure that a process serves. */
export function servedMetrics(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
}
