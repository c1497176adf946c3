import { ChatError, problemOf } from "@parley/protocol";
import { z } from "zod";
import { ParamFault, paramOfPath } from "./error.ts";

/**
 * Schemas for requests of megabytes. A schema of lists checks all of a list before it says that it is too long, and makes an object for each problem in it: some
 * hundred bytes for each `{}`. So what is too much is refused before a schema sees it, and what is many is checked one by one, to the first problem.
 */

export interface Bounds {
  /** Of a list. */
  readonly maxItems?: number;
  readonly maxBytes?: number;
  /** Of what has `maxBytes`. */
  readonly maxLevels?: number;
  /** What is not counted: it is bounded otherwise, and no schema looks into it. */
  readonly isFree?: (value: object) => boolean;
}

/** `schema` of what is within the bounds; of what is not, nothing is read but what it takes to know that. */
export function bounded<T extends z.ZodType>(schema: T, { maxItems = Infinity, ...size }: Bounds) {
  return z.preprocess((value, ctx) => {
    const message =
      Array.isArray(value) && value.length > maxItems ? `must have at most ${maxItems} entries` : excessOf(value, size);
    if (message === undefined) return value;
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  }, schema);
}

/** The walk calls itself for each level. */
const mostLevels = 100;

/** What is too much of a parsed JSON value, in words that follow its name. `maxBytes` are counted as the least that its JSON could have. Looks no further than that. */
export function excessOf(value: unknown, { maxBytes, maxLevels = mostLevels, isFree }: Bounds): string | undefined {
  if (maxBytes === undefined) return undefined;
  const left = bytesLeft(value, maxBytes, maxLevels, isFree);
  if (Number.isNaN(left)) return `is nested deeper than ${maxLevels} levels`;
  return left < 0 ? `is larger than ${maxBytes / 1024} KB` : undefined;
}

/** Of so many bytes, once the value is written; negative: too few. NaN: it has more levels. */
function bytesLeft(value: unknown, bytes: number, levels: number, isFree: Bounds["isFree"]): number {
  if (typeof value === "string") return bytes - value.length - 2;
  if (typeof value !== "object" || value === null || isFree?.(value) === true) return bytes - 1;
  if (levels === 0) return NaN;
  let left = bytes - 1;
  if (Array.isArray(value)) {
    for (const item of value) {
      left = bytesLeft(item, left - 1, levels - 1, isFree);
      if (!(left >= 0)) return left;
    }
    return left;
  }
  // A list of all entries would be made before the first is looked at.
  for (const name in value) {
    const inner: unknown = Reflect.get(value, name);
    left = bytesLeft(inner, left - name.length - 4, levels - 1, isFree);
    if (!(left >= 0)) return left;
  }
  return left;
}

export interface ItemsOf {
  /** The list that they stand in, as the client calls it. */
  readonly list: string;
  /** Where the first of them stands there. */
  readonly start?: number;
}

/** Items one by one. Throws ChatError INVALID_FRAME for the first that is wrong, with the field at fault as its `param`, and looks at none behind it. */
export function parseItems<T extends z.ZodType>(
  schema: T,
  items: readonly unknown[],
  { list, start = 0 }: ItemsOf,
): z.output<T>[] {
  return items.map((item, index) => {
    const parsed = schema.safeParse(item);
    if (parsed.success) return parsed.data;
    const path = parsed.error.issues[0]?.path ?? [];
    const name = paramOfPath([list, start + index]);
    const problem = problemOf(parsed.error, item, name);
    throw new ChatError("INVALID_FRAME", {
      message: `The request is not valid: ${path.length === 0 ? "" : `${name}: `}${problem}.`,
      cause: new ParamFault(paramOfPath([list, start + index, ...path])),
    });
  });
}
