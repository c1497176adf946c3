import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { RunResult } from "../scenario-run.ts";

const folder = path.resolve(import.meta.dirname, "../../artefacts/chaos");

/** Maps are written as objects, so that the file can be read without this program. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

const mostConversations = 6;

/** Writes what is known of the first conversations with violations, with the faults and the processes' last words. Returns the file. */
export function writeViolation(
  { scenario, plan, history, rooms: all, timeline, logs, violations }: RunResult,
  seed: number,
): string {
  const broken = new Set(violations.map(({ conversation }) => conversation));
  const conversations = history.conversations.filter(({ plan: { id } }) => broken.has(id)).slice(0, mostConversations);
  const rooms = all.filter(({ room }) => broken.has(room.plan.id)).slice(0, mostConversations);
  const file = path.join(folder, `${seed}-${scenario.name}.json`);
  mkdirSync(folder, { recursive: true });
  const content = {
    seed,
    scenario: scenario.name,
    violations,
    timeline,
    conversations,
    rooms,
    faults: plan.faults,
    logs,
  };
  writeFileSync(file, JSON.stringify(content, plain, 1));
  return file;
}
