import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseYaml } from "@parley/runtime";
import { z } from "zod";

const Question = z.strictObject({
  ask: z.string().min(1).max(2_000),
  /** Stands in the passage that answers, whatever its white space; `none`: no passage does. */
  answer: z.string().min(1).max(1_000),
});

const QuestionSet = z.strictObject({
  /** Where is searched. */
  collections: z.array(z.string().min(1)).min(1).max(20),
  questions: z.array(Question).min(1).max(10_000),
});

export interface LabelledQuestion extends z.infer<typeof Question> {
  readonly collections: readonly string[];
}

/** The working half is what thresholds are chosen with; the held-out one is only reported. */
export type Half = "working" | "held-out";

/** By the question alone, so that none changes sides when others come or go. */
export function halfOf({ ask }: Pick<LabelledQuestion, "ask">): Half {
  return (createHash("sha256").update(ask).digest()[0] ?? 0) % 2 === 0 ? "working" : "held-out";
}

/** Reads one file, or every `*.yaml` of a folder in the order of their names. Throws an Error that names each mistake with file and line. */
export function readQuestionSet(place: string): LabelledQuestion[] {
  const files = /\.ya?ml$/.test(place)
    ? [place]
    : readdirSync(place)
        .filter((name) => /\.ya?ml$/.test(name))
        .toSorted()
        .map((name) => path.join(place, name));
  const parsed = files.map((file) => parseYaml({ file, text: readFileSync(file, "utf8") }, QuestionSet));
  const problems = parsed.flatMap((one) => (one.ok ? [] : one.problems));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return parsed.flatMap((one) =>
    one.ok ? one.value.questions.map((question) => ({ ...question, collections: one.value.collections })) : [],
  );
}
