import { z } from "zod";
import { ApiStatus, badRequest } from "../api-status.ts";
import { at, isObject, isSame, type Json } from "../json.ts";

const MAX_OPERATIONS = 10_000;

const Operation = z.discriminatedUnion("op", [
  z.object({ op: z.literal("add"), path: z.string(), value: z.json() }),
  z.object({ op: z.literal("replace"), path: z.string(), value: z.json() }),
  z.object({ op: z.literal("test"), path: z.string(), value: z.json() }),
  z.object({ op: z.literal("remove"), path: z.string() }),
  z.object({ op: z.literal("move"), path: z.string(), from: z.string() }),
  z.object({ op: z.literal("copy"), path: z.string(), from: z.string() }),
]);
type Operation = z.infer<typeof Operation>;

/** RFC 6902. Throws a 400 for a document that is none, and a 422 for an operation that does not fit the object. */
export function jsonPatch(original: Json, patch: Json): Json {
  const operations = z.array(Operation).max(MAX_OPERATIONS).safeParse(patch);
  if (!operations.success) throw badRequest("the body is not a JSON patch");
  return operations.data.reduce((value, operation) => applied(value, operation), structuredClone(original));
}

function applied(whole: Json, operation: Operation): Json {
  const path = stepsOf(operation.path);
  switch (operation.op) {
    case "test":
      if (!isSame(valueAt(whole, path), operation.value)) throw unfit(`testing value ${operation.path} failed`);
      return whole;
    case "add":
      return add(whole, path, operation.value);
    case "replace":
      return path.length === 0 ? operation.value : add(remove(whole, path, true), path, operation.value);
    case "remove":
      return remove(whole, path);
    case "copy":
      return add(whole, path, structuredClone(valueAt(whole, stepsOf(operation.from))));
    case "move": {
      const from = stepsOf(operation.from);
      const moved = valueAt(whole, from);
      return add(remove(whole, from), path, moved);
    }
  }
}

function unfit(why: string): ApiStatus {
  return new ApiStatus(422, "Invalid", `the server rejected our request due to an error in our request: ${why}`);
}

function stepsOf(pointer: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw badRequest(`${pointer.slice(0, 100)} is not a JSON pointer`);
  return pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function step(container: Json | undefined, key: string): string | number {
  return Array.isArray(container) && /^\d+$/.test(key) ? Number(key) : key;
}

function valueAt(whole: Json, path: readonly string[]): Json {
  let current: Json | undefined = whole;
  for (const key of path) current = at(current, step(current, key));
  if (current === undefined) throw unfit(`there is nothing at /${path.join("/")}`);
  return current;
}

function add(whole: Json, path: readonly string[], value: Json): Json {
  const [last] = path.slice(-1);
  if (last === undefined) return value;
  const container = valueAt(whole, path.slice(0, -1));
  if (Array.isArray(container)) {
    const index = last === "-" ? container.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > container.length) throw unfit(`there is no place ${last}`);
    container.splice(index, 0, value);
  } else if (isObject(container)) container[last] = value;
  else throw unfit(`/${path.join("/")} is in no object`);
  return whole;
}

/** `isReplaced`: an object's field keeps its place, which matters to people who read it. */
function remove(whole: Json, path: readonly string[], isReplaced = false): Json {
  const [last = ""] = path.slice(-1);
  valueAt(whole, path);
  const container = valueAt(whole, path.slice(0, -1));
  if (Array.isArray(container)) container.splice(Number(last), 1);
  else if (isObject(container) && !isReplaced) delete container[last];
  return whole;
}
