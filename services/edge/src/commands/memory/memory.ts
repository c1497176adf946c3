import { randomBytes } from "node:crypto";
import type { Bus, Memories, Memory, MemoryOwner } from "@parley/bus";
import { ChatError, demand, limits, memoryLine, type Caller, type May, type MemoryFact } from "@parley/protocol";
import { createFairGate } from "../../fair-gate.ts";
import { checkPersonNotHeld } from "../holds/held.ts";

export interface MemoryDeps {
  readonly memories: Memories;
  readonly privacy: Pick<Bus["privacy"], "heldBy">;
  readonly may: May;
}

export interface NewFact {
  readonly text: string;
  readonly customer_id?: string | undefined;
}

/** A look-up and a write of a record that may have 128 KB. */
const changes = { atOnce: 32, perUser: 8 };

export type MemoryCommands = ReturnType<typeof createMemoryCommands>;

/**
 * What is remembered of the caller, in the tenant of which they are: theirs to see, to change and to delete. All of it throws FORBIDDEN for who may not, and
 * OVERLOADED when the broker does not answer.
 */
export function createMemoryCommands({ memories, privacy, may }: MemoryDeps) {
  const enter = createFairGate(changes);
  /** What the operator has to keep is not taken away. Throws CONFLICT. */
  const checkFree = (caller: Caller): Promise<void> => checkPersonNotHeld({ privacy }, caller);
  const change = async (caller: Caller, next: (memory: Memory) => Memory | undefined): Promise<Memory> => {
    demand(may(caller, "memory:change", { kind: "user", id: caller.user.id }));
    return enter(caller.user.id, () => memories.change(ownerOf(caller), next));
  };

  return {
    /** Of all customers; also while it is switched off. */
    async list(caller: Caller): Promise<Memory> {
      demand(may(caller, "memory:read", { kind: "user", id: caller.user.id }));
      return enter(caller.user.id, () => memories.of(ownerOf(caller)));
    },

    /** What is there stays, and is not used while it is off. */
    enable: (caller: Caller, enabled: boolean): Promise<Memory> =>
      change(caller, (memory) => (memory.enabled === enabled ? undefined : { ...memory, enabled })),

    /** Throws CONFLICT where there is no room. */
    async add(caller: Caller, { text, customer_id }: NewFact): Promise<MemoryFact> {
      const id = `m_${randomBytes(12).toString("base64url")}`;
      const common = { id, text: lineOf(text), by: "user", ts: Date.now() };
      const fact = { ...common, ...(customer_id === undefined ? {} : { customer_id }) };
      await change(caller, (memory) => ({ ...memory, facts: [...memory.facts, fact] }));
      return fact;
    },

    /** Another text in its place. Throws NOT_FOUND. */
    async edit(caller: Caller, id: string, text: string): Promise<MemoryFact> {
      const line = lineOf(text);
      await checkFree(caller);
      const { facts } = await change(caller, (memory) => {
        if (!memory.facts.some((fact) => fact.id === id)) throw noSuchFact();
        const edited = { text: line, by: "user", ts: Date.now() };
        return { ...memory, facts: memory.facts.map((fact) => (fact.id === id ? { ...fact, ...edited } : fact)) };
      });
      const fact = facts.find((one) => one.id === id);
      if (fact === undefined) throw noSuchFact();
      return fact;
    },

    /** There is none of this id then, whether there was one or not. */
    async remove(caller: Caller, id: string): Promise<void> {
      await checkFree(caller);
      await change(caller, (memory) => {
        const facts = memory.facts.filter((fact) => fact.id !== id);
        return facts.length === memory.facts.length ? undefined : { ...memory, facts };
      });
    },

    /** All of them; the switch stays as it is. */
    async clear(caller: Caller): Promise<void> {
      await checkFree(caller);
      await change(caller, (memory) => (memory.facts.length === 0 ? undefined : { ...memory, facts: [] }));
    },
  };
}

function ownerOf({ user, tenant }: Caller): MemoryOwner {
  return { user: user.id, tenant };
}

function lineOf(text: string): string {
  const line = memoryLine(text);
  if (line !== undefined) return line;
  if (text.trim() === "") throw new ChatError("INVALID_FRAME", { message: "The fact is empty." });
  const message = `The fact is too long: at most ${limits.memoryFactBytes} bytes.`;
  throw new ChatError("MESSAGE_TOO_LARGE", { message });
}

function noSuchFact(): ChatError {
  return new ChatError("NOT_FOUND", { message: "Nothing is remembered under this id." });
}
