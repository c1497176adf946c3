import { z } from "zod";
import { defineTool, ToolError, type Tool } from "../tool.ts";
import { answersOf, begin, findAnswer, findTree, follow, placeText, readPlace, type Place, type Tree } from "./tree.ts";

const timeoutMs = 5_000;
const callers = {
  workshop: "Book the workshop.",
  breakdown: "Call the breakdown service.",
  emergency: "Call the emergency services (112).",
} as const;

/** Diagnostic trees as tools. They remember nothing: the place that each result names is all that the next call needs. None without trees. */
export function createDiagnosisTools(trees: readonly Tree[]): Tool[] {
  return trees.length === 0 ? [] : [startTool(trees), answerTool(trees)];
}

function startTool(trees: readonly Tree[]): Tool {
  const symptoms = trees.map(({ id, symptom }) => `${symptom} (${id})`).join("; ");
  return defineTool({
    name: "diagnosis_start",
    description: `Begins a guided diagnosis of a fault of the car and gives its first question. Symptoms: ${symptoms}.`,
    input: z.strictObject({
      symptom: z
        .string()
        .trim()
        .min(1)
        .max(300)
        .describe("What the driver says about the fault, or the id of a symptom."),
    }),
    effect: "read",
    timeoutMs,
    async run({ symptom }) {
      const tree = findTree(trees, symptom);
      if (tree === undefined) throw new ToolError(`There is no guided diagnosis for that. There are: ${symptoms}.`);
      return textOf(begin(tree));
    },
  });
}

function answerTool(trees: readonly Tree[]): Tool {
  return defineTool({
    name: "diagnosis_answer",
    description:
      "Goes on with a guided diagnosis: takes the driver's answer and gives the next question, or the advice.",
    input: z.strictObject({
      place: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .describe("The place that the last question named, such as warning-light/1."),
      answer: z.string().trim().min(1).max(300).describe("The number of the answer, or what the driver says."),
    }),
    effect: "read",
    timeoutMs,
    async run({ place: text, answer }) {
      const place = readPlace(trees, text);
      if (place === undefined)
        throw new ToolError(`There is no place "${text}" in a diagnosis. Begin again with diagnosis_start.`);
      const { node } = place;
      if (!("answers" in node)) throw new ToolError("That diagnosis has ended with its advice.");
      const found = findAnswer(node, answer);
      const next = found && follow(place, node.answers.indexOf(found) + 1);
      if (next === undefined)
        throw new ToolError(`"${answer}" is none of the answers, or could be several. ${questionText(place)}`);
      return textOf(next);
    },
  });
}

function textOf(place: Place): string {
  const { node, tree } = place;
  if ("answers" in node) return `${tree.symptom}. ${questionText(place)}`;
  const calls = node.call === undefined ? [] : [callers[node.call]];
  const stop = node.stop_driving ? ["Stop driving: do not drive on with this fault."] : [];
  return [...stop, node.advice, ...calls].join("\n");
}

function questionText(place: Place): string {
  const { node } = place;
  const question = "question" in node ? node.question : "";
  const answers = answersOf(node).map(({ says }, index) => `${index + 1}. ${says}`);
  return [`Question: ${question}`, ...answers, `Place: ${placeText(place)}`].join("\n");
}
