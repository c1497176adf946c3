import { z } from "zod";
import type { RequestedCall } from "./model.ts";

/** One entry of `delta.tool_calls`, as servers really send it. */
export const ToolCallDelta = z.object({
  index: z.number().nullish().catch(undefined),
  id: z.string().nullish().catch(undefined),
  function: z.object({ name: z.string().nullish(), arguments: z.unknown() }).partial().nullish(),
});
export type ToolCallDelta = z.infer<typeof ToolCallDelta>;

type Part = { index: number | undefined; id: string; name: string; arguments: string };
type Slot = Part;

/**
 * Puts tool calls together from their deltas, in the order in which they began. By the book a call is known by `index`,
 * and only its first delta has id and name. Seen in the field and handled: no index; every call at index 0, told apart
 * by id or only by beginning anew; empty, missing and repeated ids; name or id in every delta; arguments as an object;
 * a whole call in one delta; a call sent twice. The provider's ids serve to tell calls apart and are then dropped.
 */
export function createToolCallAssembler() {
  const slots: Slot[] = [];
  let size = 0;
  return {
    /** Returns whether the delta said anything. */
    add(delta: ToolCallDelta): boolean {
      const part = readPart(delta);
      const slot = slotOf(slots, part);
      if (slot !== undefined && isRepeated(slot, part)) return false;
      if (slot === undefined || startsAnew(slot, part)) slots.push({ ...part });
      else extend(slot, part);
      size += sizeOf(part) + 1;
      return sizeOf(part) > 0;
    },
    /** Bytes of names and arguments so far, and one for each delta: without that, empty ones would cost memory unseen. */
    size: () => size,
    count: () => slots.length,
    calls(): RequestedCall[] {
      return slots
        .filter((slot) => sizeOf(slot) > 0)
        .map((slot) => ({ name: slot.name, arguments: slot.arguments.trim() === "" ? "{}" : slot.arguments }));
    },
    /** Whether the arguments of every call are whole. Absent arguments are not: they may have been about to come. */
    isWhole: () => slots.every((slot) => isJsonObject(slot.arguments)),
  };
}

function readPart(delta: ToolCallDelta): Part {
  const { name, arguments: given } = delta.function ?? {};
  const text = typeof given === "string" ? given : given === undefined || given === null ? "" : JSON.stringify(given);
  return { index: delta.index ?? undefined, id: delta.id ?? "", name: name ?? "", arguments: text };
}

/** The newest call the delta can belong to; undefined: none yet. */
function slotOf(slots: readonly Slot[], { index, id }: Part): Slot | undefined {
  const candidates = index === undefined ? slots : slots.filter((slot) => slot.index === index);
  return (id === "" ? undefined : candidates.findLast((slot) => slot.id === id)) ?? candidates.at(-1);
}

/** Whether the delta is the first of another call, although it points at this one. */
function startsAnew(slot: Slot, part: Part): boolean {
  // A fresh id in the middle of the arguments, without a name, is a server that makes up an id for every delta.
  if (isOtherId(slot, part)) return part.name !== "" || isJsonObject(slot.arguments);
  if (part.name === "" || slot.name === "") return false;
  // Without a new id only the content can tell. A name in every delta of one call is common, so the name alone says nothing.
  return part.name !== slot.name || (part.arguments.trim() !== "" && isJsonObject(slot.arguments));
}

function isOtherId(slot: Slot, part: Part): boolean {
  return part.id !== "" && slot.id !== "" && part.id !== slot.id;
}

/** A server that sends the whole call again at the end. */
function isRepeated(slot: Slot, part: Part): boolean {
  const same = part.id !== "" && part.id === slot.id && part.name === slot.name && part.arguments === slot.arguments;
  return same && isJsonObject(slot.arguments);
}

function extend(slot: Slot, part: Part): void {
  if (slot.id === "") slot.id = part.id;
  if (slot.name === "") slot.name = part.name;
  slot.arguments += part.arguments;
}

function sizeOf(part: Part): number {
  return Buffer.byteLength(part.name) + Buffer.byteLength(part.arguments);
}

function isJsonObject(text: string): boolean {
  if (!/^\s*\{[^]*\}\s*$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
