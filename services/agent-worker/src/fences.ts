import { createHmac } from "node:crypto";
import type { TurnId } from "@parley/protocol";

/** Says which marks are those around the documents and results of a turn. The same for whoever takes the turn over. */
export type FenceOf = (turn: TurnId) => string;

const fenceChars = 12;

/**
 * A fence is a word in both marks around a text of others. What is in between cannot write it: the key is the deployment's own, and a tool that knows its turn does not know that. Of an earlier
 * turn it stays what it was, so that the beginning of a prompt is the same for the provider's cache.
 */
export function createFences(key: string): FenceOf {
  return (turn) => createHmac("sha256", `fence ${key}`).update(turn).digest("hex").slice(0, fenceChars);
}

/** In a mark; nothing where there is none. */
export function fenceAttribute(fence: string | undefined): string {
  return fence === undefined ? "" : ` fence="${fence}"`;
}

/**
 * Characters that are not seen, or that change in which order others are seen: with them a mark looks whole and is not found. So many at most in one place: what has more looks like no mark, and
 * a longer search would be work that a text of others can ask for.
 */
const unseen = String.raw`\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\u{E0000}-\u{E0FFF}`;
const between = `[${unseen}]{0,4}`;
const gap = `[\\s${unseen}]{0,8}`;
/** As they stand before a name in a mark, or look so: also as HTML writes them. */
const bracket = String.raw`(?:[<\uFF1C\u2039\u3008\u27E8\uFE64]|&lt;?|&#0*60;?|&#x0*3c;?)`;

function letters(name: string): string {
  return Array.from(name, (letter) => (letter === "_" ? `[_\\uFF3F-]?${between}` : `${letter}${between}`)).join("");
}

/** What in a text of others could be taken for one of our marks. */
function marksOf(names: readonly string[]): RegExp {
  return new RegExp(`${bracket}(?=${gap}[/\\uFF0F\\u2215\\u2044]?${gap}(?:${names.map(letters).join("|")}))`, "giu");
}

const fenced = ["tool_result", "document", "attached_file", "attached_image"];
const ownMarks = marksOf(fenced);

/** How templates of models begin a turn of somebody: whoever runs one may pass texts on in which these are still read. */
const templateMarks =
  /<(?=\|[a-z_]{1,32}\|>|\/?s>|\/?\[?INST|<?\/?SYS>>|start_of_turn|end_of_turn)|\[(?=\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\])/gi;

/** A text of others cannot write marks: neither those around it, nor those of a model's template. */
export function withoutMarks(text: string): string {
  return replaced(text, ownMarks);
}

/** The same for blocks with marks of these names, which have no fence. */
export function withoutMarksOf(...names: readonly string[]): (text: string) => string {
  const marks = marksOf([...fenced, ...names]);
  return (text) => replaced(text, marks);
}

function replaced(text: string, marks: RegExp): string {
  return text.replaceAll(marks, "&lt;").replaceAll(templateMarks, (mark) => (mark === "[" ? "&#91;" : "&lt;"));
}
