import type { Bus, SummaryPlace } from "@parley/bus";
import {
  type ConversationId,
  type StoredTurn,
  type SummarisedUntil,
  type Summary,
  type TurnId,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { changedFor } from "../changed-messages.ts";
import { countToSummarise, isCrowded, mayHaveSummary, type CrowdingBounds } from "./crowding.ts";
import { summaryFrom, summaryQuestion, turnText } from "./summary-text.ts";

/** `given`: it counts. `late`: another worker asked meanwhile, or the conversation is no more. `empty`: the model said nothing. */
export type SummaryResult = "given" | "late" | "empty" | "failed";

export interface SummariserDeps {
  readonly bus: Pick<Bus, "summaries" | "transcripts" | "changes" | "people">;
  readonly bounds: () => CrowdingBounds;
  /** How long a question to the model may take, and a little more: then another worker may ask. */
  readonly askedMs: number;
  /** Of this process. */
  readonly stopping: AbortSignal;
  readonly onResult: (result: SummaryResult) => void;
  readonly log: Logger;
}

/** Asks the model for a summary of this. */
export type AskForSummary = (question: string) => Promise<{ readonly text: string; readonly model: string }>;

/** Says who wrote what, and what stands between turns: of a conversation in which several people write. `summary`: what came before these. */
export type TellRoom = (turns: readonly StoredTurn[], summary: Summary | undefined) => Promise<readonly StoredTurn[]>;

/** Conversations at a time; others have their turn when their next answer has ended. */
const mostAtOnce = 16;
/** Of what a model reads for one summary. */
const questionBytes = 40 * 1024;
const pageMessages = 100;
const mostPages = 8;

/**
 * Keeps what the beginnings of long conversations came to. The model is asked beside all turns, after one has ended, by whichever worker that was: first it says
 * so (compare-and-set), so that nobody else asks for the same. Killed before it has stored what it got, it leaves the conversation as it was, until another turn
 * has ended and the question's time is over.
 */
export function createSummariser(deps: SummariserDeps) {
  const { bus, bounds, stopping, onResult, log } = deps;
  const running = new Set<ConversationId>();

  return {
    /** What the turns before a turn came to, where they may be more than the model can be given: one look-up then, and none else. */
    before: async (conversation: ConversationId, history: readonly StoredTurn[]): Promise<Summary | undefined> =>
      mayHaveSummary(history, bounds()) ? bus.summaries.of(conversation) : undefined,

    /** To be told of every turn that has ended, with those before it. Waits for nothing, and never throws. */
    ended(
      conversation: ConversationId,
      turns: readonly Pick<StoredTurn, "question" | "answer">[],
      ask: AskForSummary,
      tell?: TellRoom,
    ): void {
      if (stopping.aborted || running.size >= mostAtOnce || running.has(conversation)) return;
      if (!isCrowded(turns, bounds())) return;
      running.add(conversation);
      void summariseOnce(deps, conversation, { ask, tell })
        .catch((err: unknown): SummaryResult => {
          log.debug({ err, conversation_id: conversation }, "a conversation could not be summarised");
          return "failed";
        })
        .then((result) => {
          if (result !== undefined) onResult(result);
        })
        .finally(() => running.delete(conversation));
    },
  };
}

/**
 * Once for each end of a turn: where many turns came before summaries were switched on, the next ends do the rest. Undefined: there is nothing to be done, or somebody
 * else does it.
 */
async function summariseOnce(
  { bus, bounds, askedMs }: SummariserDeps,
  conversation: ConversationId,
  { ask, tell }: { readonly ask: AskForSummary; readonly tell: TellRoom | undefined },
): Promise<SummaryResult | undefined> {
  // Before the transcript: of what is deleted in between nothing can be stored behind this place.
  const place = await bus.summaries.placeOf(conversation);
  if (place.askedAt !== undefined && Date.now() - place.askedAt < askedMs) return undefined;
  const { turns: written, before } = await turnsBehind(bus.transcripts, conversation, place);
  const read = await changedFor(bus, conversation, written);
  const turns = tell === undefined ? read : await tell(read, before === "" ? undefined : place.summary);
  if (!isCrowded(turns, bounds())) return undefined;
  // What was blocked no model gets to see later either, and a summary ends with a turn that others are shown.
  const fitting = fittingOf(turns.slice(0, countToSummarise(turns, bounds()))).filter(isShownToModels);
  const chosen = withoutLastPosts(fitting);
  const until = endOf(chosen);
  if (until === undefined) return undefined;
  const asked = await bus.summaries.ask(conversation, place, until);
  if (asked === undefined) return "late";
  const { text, model } = await ask(summaryQuestion(chosen, before));
  const summary = summaryFrom(text);
  if (summary === "") return "empty";
  return (await bus.summaries.give(conversation, asked, { until, text: summary, model })) ? "given" : "late";
}

/** A summary ends with a turn, and tells nothing of what stands behind it: more may come there. */
function withoutLastPosts(turns: readonly StoredTurn[]): readonly StoredTurn[] {
  return turns.slice(0, 1 + turns.findLastIndex(({ question }) => question?.post === undefined));
}

function isShownToModels({ answer }: StoredTurn): boolean {
  return answer?.code !== "BLOCKED";
}

/** What is to be summarised, and what came before it. */
interface Unsummarised {
  readonly turns: readonly StoredTurn[];
  readonly before: string;
}

/** The turns of which the summary does not tell, as far as they are read, in the order of the log. One of another branch of the conversation tells of none of them. */
async function turnsBehind(
  transcripts: Pick<Bus["transcripts"], "path">,
  conversation: ConversationId,
  { summary }: SummaryPlace,
): Promise<Unsummarised> {
  if (summary === undefined) return { turns: await pathBackTo(transcripts, conversation, 0), before: "" };
  const { seq: untilSeq, turn_id: untilTurn } = summary.until;
  const read = await pathBackTo(transcripts, conversation, untilSeq);
  const isOther = read.some(({ seq }) => seq < untilSeq) && !read.some(({ turn_id }) => turn_id === untilTurn);
  if (isOther) return turnsBehind(transcripts, conversation, { seq: 0, summary: undefined, askedAt: undefined });
  return { turns: read.filter(({ seq }) => seq > untilSeq), before: summary.text };
}

/** Along the branch of the newest turn. */
async function pathBackTo(
  transcripts: Pick<Bus["transcripts"], "path">,
  conversation: ConversationId,
  seq: number,
): Promise<StoredTurn[]> {
  const found: StoredTurn[] = [];
  let before = 0;
  let leaf: TurnId | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await transcripts.path(conversation, { limit: pageMessages, before, leaf });
    if (page === undefined) break;
    found.push(...page.turns);
    ({ before } = page);
    leaf = page.leaf ?? leaf;
    if (before <= seq) break;
  }
  return found.toSorted((one, other) => one.seq - other.seq);
}

/** The oldest of them that the model can read at once; one in any case. */
function fittingOf(turns: readonly StoredTurn[]): StoredTurn[] {
  let leftBytes = questionBytes;
  const count = turns.findIndex((turn, index) => {
    leftBytes -= Buffer.byteLength(turnText(turn));
    return leftBytes < 0 && index > 0;
  });
  return count < 0 ? [...turns] : turns.slice(0, count);
}

function endOf(turns: readonly StoredTurn[]): SummarisedUntil | undefined {
  const last = turns.at(-1);
  return last === undefined ? undefined : { turn_id: last.turn_id, seq: last.seq };
}
