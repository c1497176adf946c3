import { readAgentChoice } from "./agent-choice.ts";
import { readClusterQuestion } from "./cluster-questions.ts";
import { carCalls, carPreface } from "./car-questions.ts";
import type { Control } from "./control.ts";
import { answerFromDocuments, findDocuments } from "./document-answer.ts";
import { SUMMARY, summaryOf } from "./summary-answer.ts";
import { answerFromTools } from "./tool-answer.ts";
import { fitArguments } from "./tool-arguments.ts";
import { type PlannedCall, readRequestedSteps } from "./tool-requests.ts";
import { guessCall } from "./tool-guess.ts";
import type { Turn } from "./turn.ts";

/** What the simulated model says: text, then calls; an answer without calls ends the turn. */
export type Reply = { text: string; calls: PlannedCall[] };

const MAX_RECALLED = 5;
/** A longer sentence that begins with a greeting asks for something. */
const SMALL_TALK_WORDS = 4;
const GREETING = /^\W*(hi|hello|hey|good (morning|afternoon|evening|day)|greetings)\b/i;
const THANKS = /^\W*(thanks|thank you|cheers)\b/i;
const IDENTITY = /\b(who|what) are you\b|\byour name\b|\bhow are you\b|\bwhat can you do\b/i;
const MEMORY =
  /\b(what|which)\b.*\b(did i|have i|i)\b.*\b(ask|asked|say|said|tell|told|write|wrote)\b|\b(previous|last|first) (question|message)\b/i;
/** How Parley asks for the title of a conversation. */
const TITLE = /^Name this conversation\b/;
const TITLE_WORDS = 6;
const SELF = "I am a simulated model: my answers follow fixed rules, no language model is running.";

/** Decides from the messages, the offered tools and the directives. The same input always gives the same reply. */
export function createReply(turn: Turn, control: Control, parallel: boolean): Reply {
  const choice = readAgentChoice(turn);
  if (choice !== undefined) return { text: "", calls: [choice] };
  const step = plannedSteps(turn, control, parallel)[turn.stepsDone];
  if (step !== undefined) return { text: preface(step), calls: step };
  if (TITLE.test(turn.instructions)) return { text: titleOf(turn.question), calls: [] };
  if (SUMMARY.test(turn.instructions)) return { text: summaryOf(turn.question), calls: [] };
  if (control.tokens !== undefined) return { text: numberedWords(control.tokens), calls: [] };
  return { text: answer(turn), calls: [] };
}

function plannedSteps(turn: Turn, control: Control, parallel: boolean): PlannedCall[][] {
  const steps = chooseSteps(turn, control);
  return parallel ? steps : steps.flatMap((calls) => calls.map((call) => [call]));
}

function chooseSteps(turn: Turn, control: Control): PlannedCall[][] {
  if (control.tool !== undefined) return [[{ name: control.tool, argumentsJson: control.args ?? "{}" }]];
  if (turn.tools.length === 0) return [];
  const requested = readRequestedSteps(turn.question);
  if (requested.length > 0) return requested;
  const ofCar = carCalls(turn);
  if (ofCar.length > 0) return ofCar;
  const calls = [...demoCalls(turn), ...clusterCalls(turn)];
  if (calls.length > 0) return [calls];
  const forced = turn.tools.find((tool) => tool.name === turn.mustCall);
  if (forced !== undefined) return [[{ name: forced.name, argumentsJson: fitArguments(forced, {}) }]];
  const guessed = isPlain(turn, control) ? guessCall(turn.question, turn.tools) : undefined;
  return guessed === undefined ? [] : [[guessed]];
}

/** Nothing else says what the answer is. */
function isPlain({ question, instructions, background }: Turn, control: Control): boolean {
  if (control.tokens !== undefined || TITLE.test(instructions)) return false;
  if ([MEMORY, CHANGE, PLEASE_APPROVE].some((pattern) => pattern.test(question))) return false;
  return readClusterQuestion(question, background).length === 0;
}

function clusterCalls(turn: Turn): PlannedCall[] {
  return readClusterQuestion(turn.question, turn.background).flatMap(({ tools, wish }) => {
    const tool = tools.flatMap((pattern) => turn.tools.filter((offered) => pattern.test(plainName(offered.name))))[0];
    return tool === undefined ? [] : [{ name: tool.name, argumentsJson: fitArguments(tool, wish) }];
  });
}

/** `change the counter to …` and `please approve`: the tool that a person has to agree to (docs/tools.md). */
const CHANGE = /\bchange\s+the\s+counter\s+to\s+["'`]?([^\n"'`]{1,200})/i;
const PLEASE_APPROVE = /\bplease\s+approve\b/i;
const CHANGING_TOOL = "demo_change";

function demoCalls({ question, tools }: Turn): PlannedCall[] {
  if (!tools.some(({ name }) => name === CHANGING_TOOL)) return [];
  const text = CHANGE.exec(question)?.[1]?.replace(/[\s.!?]+$/, "");
  if (text !== undefined && text !== "") return [{ name: CHANGING_TOOL, argumentsJson: JSON.stringify({ text }) }];
  if (!PLEASE_APPROVE.test(question)) return [];
  return [{ name: CHANGING_TOOL, argumentsJson: JSON.stringify({ text: "approved", confirm: true }) }];
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-.]/g, "_");
}

function preface(calls: readonly PlannedCall[]): string {
  const ofCar = carPreface(calls);
  if (ofCar !== undefined) return ofCar;
  return calls.some((call) => /k8s|pod|namespace|deploy|node|event|service/.test(call.name))
    ? "Let me look at the cluster."
    : `Calling ${calls.map((call) => call.name).join(" and ")}.`;
}

function answer(turn: Turn): string {
  if (turn.outcomes.length > 0) return answerFromTools(turn.outcomes);
  const { question, attached } = turn;
  if (attached.length > 0) return [SELF, ...attached].join("\n");
  if (MEMORY.test(question)) return recall(turn.earlierQuestions, /\bfirst\b/i.test(question));
  if (GREETING.test(question) && question.split(/\s+/).length <= SMALL_TALK_WORDS)
    return `Hello! ${SELF} Ask me about the cluster or about the documents.`;
  if (THANKS.test(question)) return "You are welcome.";
  if (IDENTITY.test(question)) return SELF;
  const documents = findDocuments(turn.instructions);
  if (documents !== undefined) return answerFromDocuments(question, documents);
  if (readClusterQuestion(question, turn.background).length > 0)
    return `I was given no tool that can look that up. ${SELF}`;
  return `${SELF} You said: "${question.slice(0, 200)}"`;
}

/** The first words of what was asked. */
function titleOf(question: string): string {
  const [line = ""] = question.trim().split("\n");
  return line.trim().split(/\s+/).slice(0, TITLE_WORDS).join(" ");
}

function recall(earlier: readonly string[], onlyFirst: boolean): string {
  const [first] = earlier;
  if (first === undefined) return "This is the first thing you ask in this conversation.";
  if (onlyFirst) return `The first thing you asked was: "${first}"`;
  const recent = earlier.slice(-MAX_RECALLED);
  return ["Before this you asked:", ...recent.map((question) => `- "${question.slice(0, 200)}"`)].join("\n");
}

function numberedWords(count: number): string {
  return Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
}
