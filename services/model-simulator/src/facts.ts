const MAX_FACTS = 12;
const MAX_DEPTH = 10;
/** What tells how a cluster object is doing, as JSON keys or as labels of a printed description. */
const TELLING = new Set(
  "name namespace node status phase reason message state laststate exitcode restartcount restarts ready image replicas readyreplicas availablereplicas".split(
    " ",
  ),
);

/** Rows of the tables in a description: events that warn, containers that ended. */
const TROUBLE_LINE = /(?:^|\s)Warning\s{2,}|\bexit code [1-9]/;

/** The lines or fields that say how the described object is doing; empty when there are none. */
export function findFacts(source: unknown): string[] {
  const facts = typeof source === "string" ? labelledLines(source) : tellingFields(source, 0);
  return [...new Set(facts)].slice(0, MAX_FACTS);
}

function labelledLines(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [, label, value] = /^\s*([A-Z][A-Za-z ]*):\s+(\S.*)$/.exec(line) ?? [];
    if (label !== undefined && value !== undefined && isTelling(label)) return [`${label}: ${value.trim()}`];
    return TROUBLE_LINE.test(line) ? [line.trim().replaceAll(/\s{2,}/g, " ")] : [];
  });
}

function tellingFields(value: unknown, depth: number): string[] {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return [];
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    if (typeof field === "object" && field !== null) return tellingFields(field, depth + 1);
    if (typeof field === "string" && field.includes("\n")) return labelledLines(field);
    return isTelling(key) && field !== undefined && field !== null && field !== ""
      ? [`${key}: ${typeof field === "string" ? field : JSON.stringify(field)}`]
      : [];
  });
}

function isTelling(label: string): boolean {
  return TELLING.has(label.toLowerCase().replaceAll(" ", ""));
}
