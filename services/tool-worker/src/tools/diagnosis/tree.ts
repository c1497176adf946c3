import { z } from "zod";

/** Diagnostic trees as data: what `config/diagnosis/*.yaml` says, and how one is walked. Pure. */

const line = (most: number) => z.string().trim().min(1, "must not be empty").max(most);
const Name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "must be 1 to 40 lower-case letters, digits or '-'");

const Answer = z.strictObject({
  says: line(120),
  /** How people say it. */
  words: z.array(line(60).toLowerCase()).max(40).default([]),
  next: Name,
});

const Question = z.strictObject({ question: line(300), answers: z.array(Answer).min(2).max(12) });

const Advice = z.strictObject({
  advice: line(1_000),
  stop_driving: z.boolean().default(false),
  /** Who is to be called. */
  call: z.enum(["workshop", "breakdown", "emergency"]).optional(),
});

export const TreeFile = z.strictObject({
  symptom: line(120),
  words: z.array(line(60).toLowerCase()).max(60).default([]),
  nodes: z
    .record(Name, z.union([Question, Advice]))
    .refine((nodes) => Object.keys(nodes).length <= 200, "must have at most 200 nodes"),
});
export type TreeFile = z.infer<typeof TreeFile>;
export type TreeNode = z.infer<typeof Question> | z.infer<typeof Advice>;
export type Question = z.infer<typeof Question>;

export interface Tree extends TreeFile {
  /** The name of its file. */
  readonly id: string;
  /** Where it begins. */
  readonly first: string;
}

export type PlaceOf = (path: readonly PropertyKey[]) => string;

/** Answers that lead nowhere or round in a circle, and nodes that nothing leads to: each with its place. */
export function faultsOf({ nodes }: TreeFile, placeOf: PlaceOf): string[] {
  const names = Object.keys(nodes);
  const [first] = names;
  if (first === undefined) return [`${placeOf(["nodes"])}: there is no node`];
  const dangling = names.flatMap((name) =>
    answersOf(nodes[name]).flatMap(({ next }, index) =>
      Object.hasOwn(nodes, next)
        ? []
        : `${placeOf(["nodes", name, "answers", index, "next"])}: there is no node "${next}"`,
    ),
  );
  const walk = createWalk(nodes, placeOf);
  walk.from(first, []);
  const lonely = names
    .filter((name) => !walk.seen.has(name))
    .map((name) => `${placeOf(["nodes", name])}: no answer leads to the node "${name}"`);
  return [...dangling, ...walk.circles, ...lonely];
}

/** Each node is left once: what lies behind it is the same whichever way leads to it. */
function createWalk(nodes: TreeFile["nodes"], placeOf: PlaceOf) {
  const seen = new Set<string>();
  const circles: string[] = [];
  const from = (name: string, way: readonly string[]): void => {
    seen.add(name);
    for (const [index, { next }] of answersOf(nodes[name]).entries()) {
      if (next === name || way.includes(next))
        circles.push(`${placeOf(["nodes", name, "answers", index, "next"])}: the answer leads back to "${next}"`);
      else if (Object.hasOwn(nodes, next) && !seen.has(next)) from(next, [...way, name]);
    }
  };
  return { seen, circles, from };
}

export function answersOf(node: TreeNode | undefined): Question["answers"] {
  return node !== undefined && "answers" in node ? node.answers : [];
}

/** Letters and digits only, so that "Yes!" is "yes". */
function plain(text: string): string {
  return ` ${text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}']+/gu, " ")
    .trim()} `;
}

/** How much of a text is meant by a name and its words: the length of what stands in it, all of it counting most. */
function fit(text: string, names: readonly string[]): number {
  const said = plain(text);
  return Math.max(
    0,
    ...names.map(plain).map((name) => (said === name ? 1_000 : said.includes(name) ? name.length : 0)),
  );
}

/** The one that fits best; undefined: none, or several fit alike. */
function bestOf<T>(candidates: readonly T[], fitOf: (candidate: T) => number): T | undefined {
  const ranked = candidates.map((one) => ({ one, fits: fitOf(one) })).toSorted((a, b) => b.fits - a.fits);
  const [first, second] = ranked;
  return first === undefined || first.fits === 0 || first.fits === second?.fits ? undefined : first.one;
}

/** By its id, its symptom, or words that people have for it. */
export function findTree(trees: readonly Tree[], symptom: string): Tree | undefined {
  return bestOf(trees, ({ id, symptom: name, words }) => fit(symptom, [id, name, ...words]));
}

/** By its number from 1, by what it says, or by words that people have for it. */
export function findAnswer({ answers }: Question, text: string): Question["answers"][number] | undefined {
  const number = /^\s*(\d{1,2})\s*[.)]?\s*$/.exec(text)?.[1];
  if (number !== undefined) return answers[Number(number) - 1];
  return bestOf(answers, ({ says, words }) => fit(text, [says, ...words]));
}

/** Where somebody is in a tree: `warning-light/1.2`, the answers given so far by their numbers. It is all there is to remember. */
export interface Place {
  readonly tree: Tree;
  readonly answered: readonly number[];
  readonly node: TreeNode;
}

export function begin(tree: Tree): Place {
  return { tree, answered: [], node: nodeOf(tree, tree.first) };
}

export function placeText({ tree, answered }: Place): string {
  return [tree.id, ...(answered.length === 0 ? [] : [answered.join(".")])].join("/");
}

/** Undefined: there is no such place, as after a change of the tree. */
export function readPlace(trees: readonly Tree[], text: string): Place | undefined {
  const [id, numbers = ""] = text.trim().split("/");
  const tree = trees.find((one) => one.id === id);
  if (tree === undefined || !/^(\d{1,2}(\.\d{1,2})*)?$/.test(numbers)) return undefined;
  return (numbers === "" ? [] : numbers.split(".")).reduce<Place | undefined>(
    (place, number) => place && follow(place, Number(number)),
    begin(tree),
  );
}

/** With the answer of that number; undefined: there is none. */
export function follow({ tree, answered, node }: Place, number: number): Place | undefined {
  const answer = answersOf(node)[number - 1];
  return answer && { tree, answered: [...answered, number], node: nodeOf(tree, answer.next) };
}

function nodeOf({ nodes, first }: Tree, name: string): TreeNode {
  const node = nodes[name] ?? nodes[first];
  if (node === undefined) throw new Error(`a tree without the node ${name}`);
  return node;
}
