import { eventually } from "@parley/testkit";
import type { Figure } from "./history.ts";
import { readFigures, residentBytes, sumOf } from "./world/figures.ts";
import type { Member } from "./world/member.ts";
import type { World } from "./world/world.ts";

/** What must be back at zero when everybody has left, by kind of process. */
const atBase = {
  edge: ["parley_edge_sockets", "parley_edge_viewers", "parley_edge_lagging_sockets", "parley_edge_buffered_bytes"],
  agent: ["parley_turns_running", "parley_turns_parked"],
  tool: ["parley_tool_calls_running"],
} as const;

/** An edge keeps a conversation for 30 s after its last viewer left. */
const lingerMs = 35_000;
const settleMs = 10_000;
/** Node.js takes memory generously and gives it back late: a leak of a scenario's own size would still be far above this. */
const growthBytes = 256 * 1024 * 1024;

function allMembers({ members }: World): readonly Member[] {
  return [...members.edge, ...members.agent, ...members.tool];
}

const nameOf = ({ kind, index }: Member): string => `${kind} ${index}`;

/** Memory of each process by its number: one that was replaced has another. */
export async function readMemory(world: World): Promise<ReadonlyMap<number, number>> {
  const memory = new Map<number, number>();
  for (const { service } of allMembers(world)) {
    const bytes = await residentBytes(service.pid);
    if (bytes !== undefined) memory.set(service.pid, bytes);
  }
  return memory;
}

/** The figures of all processes when all is over; waits for them to settle. `hubsToo`: also waits until edges have let go of conversations. */
export async function readBase(
  world: World,
  memoryBefore: ReadonlyMap<number, number>,
  { hubsToo }: { hubsToo: boolean },
): Promise<Figure[]> {
  const figures: Figure[] = [await queueFigure(world)];
  for (const member of allMembers(world)) {
    for (const name of atBase[member.kind]) figures.push(await settledFigure(member, name, settleMs));
    if (hubsToo && member.kind === "edge") figures.push(await settledFigure(member, "parley_edge_hubs", lingerMs));
    const before = memoryBefore.get(member.service.pid);
    const after = before === undefined ? undefined : await residentBytes(member.service.pid);
    if (before === undefined || after === undefined) continue;
    figures.push({
      process: nameOf(member),
      name: "growth of memory in bytes",
      value: after - before,
      atMost: growthBytes,
    });
  }
  return figures;
}

/** The figure once it is zero, or what it still is when the time is over. */
async function settledFigure(member: Member, name: string, timeoutMs: number): Promise<Figure> {
  let value = Number.NaN;
  const isZero = async (): Promise<boolean> => {
    // A figure that is not there is not zero.
    value = sumOf(await readFigures(member.service.adminPort), name) ?? Number.NaN;
    return value === 0;
  };
  await eventually(isZero, { what: name, timeoutMs, intervalMs: 100 }).catch(() => undefined);
  return { process: nameOf(member), name, value, atMost: 0 };
}

async function queueFigure({ bus }: World): Promise<Figure> {
  let value = Number.NaN;
  const isEmpty = async (): Promise<boolean> => {
    value = (await bus.turns.scan(100)).length;
    return value === 0;
  };
  await eventually(isEmpty, { what: "the queue", timeoutMs: settleMs, intervalMs: 100 }).catch(() => undefined);
  return { process: "the queue", name: "number of turns", value, atMost: 0 };
}

/** A counter summed over the processes of a kind that can be asked. */
export async function readTotal({ members }: World, kind: Member["kind"], name: string): Promise<number> {
  let total = 0;
  for (const { service } of members[kind]) {
    const figures = await readFigures(service.adminPort).catch(() => new Map<string, number>());
    total += sumOf(figures, name) ?? 0;
  }
  return total;
}
