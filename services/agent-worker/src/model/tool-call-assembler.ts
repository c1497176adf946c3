import { argumentsText, isObjectText, isWholeArguments } from "./call-arguments.ts";
import { indexOf, isFields, textOf, type Fields } from "./fields.ts";
import type { CallPiece } from "./model-chunk.ts";
import type { RequestedCall } from "./model.ts";
import { createObjectScan } from "./object-scan.ts";

type Part = {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** Fields that only the provider understands, beside `function` and in it. */
  readonly fields: Fields;
  readonly functionFields: Fields;
  readonly bytes: number;
};
/** `empty`: an object with nothing in it. */
type ObjectKind = "none" | "empty" | "full";
type Slot = {
  index: number | undefined;
  id: string;
  name: string;
  arguments: string;
  fields: Record<string, unknown>;
  functionFields: Record<string, unknown>;
  /** The newest piece, where each has all that came before it. */
  cumulative: string | undefined;
  /** Of `arguments`, once they were looked at; they are not afterwards changed without clearing both. */
  canonical: string | undefined;
  object: ObjectKind | undefined;
  readonly scan: ReturnType<typeof createObjectScan>;
};

/**
 * Puts tool calls together from their deltas, in the order in which they began. By the book a call is known by `index`, and only its first delta has
 * id and name. Seen in the field and handled: no index, or one that is text; every call at index 0, told apart by id or only by beginning anew; empty,
 * missing and repeated ids; name or id in every delta; arguments as an object; a whole call in one delta; a call sent twice, whole or in pieces, with
 * or without its id; `{}` before the real arguments; each delta with all that came before.
 */
export function createToolCallAssembler() {
  const slots: Slot[] = [];
  let size = 0;
  return {
    /** Returns whether the delta said anything. */
    add({ value, index }: CallPiece): boolean {
      const part = readPart(value, index);
      const slot = slotOf(slots, part);
      size += part.bytes + 1;
      if (isRepeated(slots, part)) return false;
      if (slot === undefined || startsAnew(slot, part)) slots.push(slotFrom(part));
      else extend(slot, part);
      return part.name !== "" || part.arguments !== "";
    },
    /** Bytes so far, and one for each delta: without that, empty ones would cost memory unseen. */
    size: () => size,
    count: () => slots.length,
    calls(): RequestedCall[] {
      const said = slots.filter((slot) => slot.name !== "" || slot.arguments !== "");
      return said.filter((slot, at) => !said.slice(0, at).some((earlier) => isSameCall(earlier, slot))).map(toCall);
    },
    /** Whether the arguments of every call are whole. Absent arguments are not: they may have been about to come. */
    isWhole: () => slots.every((slot) => isWholeArguments(slot.arguments)),
  };
}

function toCall(slot: Slot): RequestedCall {
  const written = argumentsText(slot.arguments);
  // Also where the whole thing is repeated after a beginning that is not in it.
  const text = isObjectText(written) || slot.cumulative === undefined ? written : argumentsText(slot.cumulative);
  const provider = {
    ...(slot.id === "" ? {} : { id: slot.id.toWellFormed() }),
    ...(isEmpty(slot.fields) ? {} : { fields: slot.fields }),
    ...(isEmpty(slot.functionFields) ? {} : { function_fields: slot.functionFields }),
  };
  return { name: slot.name.toWellFormed(), arguments: text, ...(isEmpty(provider) ? {} : { provider }) };
}

const ownFields: ReadonlySet<string> = new Set(["index", "id", "type", "function", "name", "arguments"]);
const ownFunctionFields: ReadonlySet<string> = new Set(["name", "arguments"]);

function readPart(value: Fields, place: number | undefined): Part {
  const inner = isFields(value["function"]) ? value["function"] : value;
  const { arguments: given } = inner;
  const text = typeof given === "string" ? given : given === undefined || given === null ? "" : JSON.stringify(given);
  const name = textOf(inner["name"]);
  const id = textOf(value["id"]);
  const fields = othersOf(value, ownFields);
  const functionFields = inner === value ? {} : othersOf(inner, ownFunctionFields);
  const opaqueBytes = isEmpty(fields) && isEmpty(functionFields) ? 0 : JSON.stringify([fields, functionFields]).length;
  const bytes = Buffer.byteLength(name) + Buffer.byteLength(text) + id.length + opaqueBytes;
  return { index: indexOf(value["index"]) ?? place, id, name, arguments: text, fields, functionFields, bytes };
}

function othersOf(value: Fields, own: ReadonlySet<string>): Record<string, unknown> {
  const others: Record<string, unknown> = {};
  for (const name in value) {
    if (!own.has(name) && name !== "__proto__" && value[name] !== null && value[name] !== "")
      others[name] = value[name];
  }
  return others;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function slotFrom({ bytes: _bytes, fields, functionFields, ...part }: Part): Slot {
  const own = { fields: { ...fields }, functionFields: { ...functionFields } };
  const scan = createObjectScan();
  scan.add(part.arguments);
  return { ...part, ...own, cumulative: undefined, canonical: undefined, object: undefined, scan };
}

/** The newest call the delta can belong to; undefined: none yet. */
function slotOf(slots: readonly Slot[], { index, id }: Part): Slot | undefined {
  const candidates = index === undefined ? slots : slots.filter((slot) => slot.index === index);
  return (id === "" ? undefined : candidates.findLast((slot) => slot.id === id)) ?? candidates.at(-1);
}

/** How arguments begin, in whatever form they come. */
const beginning = /^\s*(?:[{["`]|null)/;

/** Whether the delta is the first of another call, although it points at this one. */
function startsAnew(slot: Slot, part: Part): boolean {
  // A fresh id in the middle of the arguments, without a name, is a server that makes up an id for every delta.
  if (isOtherId(slot, part)) return part.name !== "" || objectOf(slot) === "full";
  if (part.name === "" || slot.name === "") return false;
  // Without a new id only the content can tell. A name in every delta of one call is common, so the name alone says nothing.
  if (part.name !== slot.name) return true;
  if (!beginning.test(part.arguments)) return false;
  // Where index or id say that it is the same call, an empty object only held the place of its arguments.
  const pointsHere = part.index !== undefined || part.id !== "";
  return pointsHere ? objectOf(slot) === "full" : objectOf(slot) !== "none";
}

/** What the arguments are so far. */
function objectOf(slot: Slot): ObjectKind {
  if (!slot.scan.isClosed()) return "none";
  return (slot.object ??= isFull(slot.arguments) ? "full" : isObjectText(slot.arguments) ? "empty" : "none");
}

function isOtherId(slot: Slot, part: Part): boolean {
  return part.id !== "" && slot.id !== "" && part.id !== slot.id;
}

/** An object with something in it. */
function isFull(text: string): boolean {
  return isObjectText(text) && !/^\s*\{\s*\}\s*$/.test(text);
}

/** The same JSON is at most so many times as long when it is written with white space. */
const mostSpace = 4;

/** A server that sends a whole call again at the end. */
function isRepeated(slots: readonly Slot[], part: Part): boolean {
  if (slots.length === 0 || !isFull(part.arguments)) return false;
  const canonical = canonicalOf(part.arguments);
  return slots.some((slot) => {
    if (part.name !== "" && part.name !== slot.name) return false;
    // Compared again and again while a call grows, long ones would cost more than they are worth.
    if (slot.arguments.length > mostSpace * part.arguments.length) return false;
    return pointsAt(part, slot) && (slot.canonical ??= canonicalOf(slot.arguments)) === canonical;
  });
}

/** Whether the second can be the first once more, by what they are known by. */
function pointsAt(part: Pick<Slot, "id" | "index">, slot: Pick<Slot, "id" | "index">): boolean {
  if (part.index !== undefined && slot.index !== undefined && part.index !== slot.index) return false;
  // Where calls have ids, a new one has one too. Two calls without ids and indexes may be two.
  return part.id === ""
    ? slot.id !== "" || (part.index !== undefined && slot.index !== undefined)
    : part.id === slot.id;
}

function isSameCall(earlier: Slot, later: Slot): boolean {
  if (later.name !== "" && later.name !== earlier.name) return false;
  return pointsAt(later, earlier) && canonicalOf(later.arguments) === canonicalOf(earlier.arguments);
}

function canonicalOf(text: string): string {
  const written = argumentsText(text);
  return isObjectText(written) ? JSON.stringify(JSON.parse(written)) : written;
}

function extend(slot: Slot, part: Part): void {
  if (slot.id === "") slot.id = part.id;
  if (slot.name === "") slot.name = part.name;
  Object.assign(slot.fields, part.fields);
  Object.assign(slot.functionFields, part.functionFields);
  if (part.arguments === "") return;
  const before = slot.cumulative ?? slot.arguments;
  // In this order: mostly the lengths tell, and to trim a long text copies it.
  if (part.arguments.startsWith(before) && before.trim() !== "") slot.cumulative = part.arguments;
  slot.arguments += part.arguments;
  slot.scan.add(part.arguments);
  slot.canonical = undefined;
  slot.object = undefined;
}
