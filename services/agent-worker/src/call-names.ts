import type { ToolDefinition } from "@parley/protocol";
import type { RequestedCall } from "./model/model.ts";

export function toolNamed(name: string, tools: readonly ToolDefinition[]): ToolDefinition | undefined {
  return tools.find((one) => one.name === name || one.aliases.includes(name));
}

/**
 * The calls under the names of the tools, where servers leave something of the model's own notation around a name, or send one in pieces. A name
 * changes only where none has it as it is and there is a tool of the other: what the model made up stays what it is.
 */
export function withKnownNames(calls: readonly RequestedCall[], tools: readonly ToolDefinition[]): RequestedCall[] {
  const isKnown = (name: string): boolean => toolNamed(name, tools) !== undefined;
  const named: RequestedCall[] = [];
  for (let at = 0; at < calls.length; at++) {
    const count = piecesAt(calls, at, isKnown);
    const joined = count === 1 ? calls[at] : joinedCall(calls.slice(at, at + count));
    if (joined === undefined) continue;
    const bare = isKnown(joined.name) ? joined.name : bareName(joined.name);
    const name = isKnown(bare) ? bare : likelyName(bare, tools);
    named.push(name === undefined ? joined : { ...joined, name });
    at += count - 1;
  }
  return named;
}

/** Kimi and gpt-oss (`functions.look:0`), Gemini (`default_api.look`), Harmony (`look<|channel|>commentary`). */
function bareName(name: string): string {
  return name
    .replace(/<\|[^]*$/, "")
    .trim()
    .replace(/^(?:functions?|default_api|tools?)[.:/]/, "")
    .replace(/:\d+$/, "");
}

/** The one tool whose name is the same but for case and what stands between its words. */
function likelyName(name: string, tools: readonly ToolDefinition[]): string | undefined {
  const plain = plainName(name);
  const likely = tools.filter((tool) => plainName(tool.name) === plain);
  return likely.length === 1 ? likely[0]?.name : undefined;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-. ]/g, "_");
}

/** A name in more pieces than that is none. */
const maxPieces = 8;

/** How many calls are pieces of one: all but the last without arguments, none of a known name, and all together with one. */
function piecesAt(calls: readonly RequestedCall[], at: number, isKnown: (name: string) => boolean): number {
  let name = "";
  for (let count = 1; count <= maxPieces && at + count <= calls.length; count++) {
    const call = calls[at + count - 1];
    if (call === undefined || isKnown(call.name)) return 1;
    name += call.name;
    if (count > 1 && isKnown(name)) return count;
    if (call.arguments !== "{}") return 1;
  }
  return 1;
}

function joinedCall(pieces: readonly RequestedCall[]): RequestedCall | undefined {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const provider = { ...last.provider, ...first.provider };
  return {
    name: pieces.map(({ name }) => name).join(""),
    arguments: last.arguments,
    ...(Object.keys(provider).length > 0 && { provider }),
  };
}
