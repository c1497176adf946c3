import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseYaml } from "@parley/runtime";
import { z } from "zod";

/** What makes an utterance hard; `plain`: nothing does. */
export const kinds = ["plain", "confusing", "follow-up", "out-of-scope"] as const;

const Utterance = z.strictObject({
  /** What somebody writes. */
  say: z.string().min(1).max(4_000),
  /** The agent that should answer. */
  agent: z.string().min(1).max(64),
  /** Who gave the answer before. */
  previous: z.string().min(1).max(64).optional(),
  kind: z.enum(kinds).default("plain"),
  /** As in `lang` of HTML. */
  language: z.string().min(2).max(16).default("en"),
});
export type Utterance = z.infer<typeof Utterance>;

const LabelledSet = z.strictObject({ utterances: z.array(Utterance).min(1).max(10_000) });

/** The working half is what examples, weights and constants are chosen with; the held-out one is only reported. */
export type Half = "working" | "held-out";

/** By the utterance alone, so that none changes sides when others come or go. */
export function halfOf({ say, previous = "" }: Utterance): Half {
  return (createHash("sha256")
    .update(JSON.stringify([say, previous]))
    .digest()[0] ?? 0) %
    2 ===
    0
    ? "working"
    : "held-out";
}

/** Reads one file, or every `*.yaml` of a folder in the order of their names. Throws an Error that names each mistake with file and line. */
export function readLabelledSet(place: string): Utterance[] {
  const files = /\.ya?ml$/.test(place)
    ? [place]
    : readdirSync(place)
        .filter((name) => /\.ya?ml$/.test(name))
        .toSorted()
        .map((name) => path.join(place, name));
  const parsed = files.map((file) => parseYaml({ file, text: readFileSync(file, "utf8") }, LabelledSet));
  const problems = parsed.flatMap((one) => (one.ok ? [] : one.problems));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return parsed.flatMap((one) => (one.ok ? one.value.utterances : []));
}
