import type { Bus, FeedbackPlace } from "@parley/bus";
import { Rating, type FeedbackEntry, type FeedbackRecord, type TranscriptMessage } from "@parley/protocol";
import { z } from "zod";

/** What people said of answers, for whoever looks after the agents. */

const maxPage = 200;
/** With texts: for each answer its turn is read. */
const maxPageWithTexts = 50;
const shownChars = 500;

/** Sequences of the shards; opaque to clients, so that it may change. */
const Place = z
  .string()
  .max(16_384)
  .regex(/^\d{1,15}(?:\.\d{1,15})*$/, "is no place that was given here")
  .transform((text): FeedbackPlace => text.split(".").map(Number));

const FeedbackQuery = z.strictObject({
  /** Conversations. */
  limit: z.coerce.number().int().min(1).max(maxPage).default(100),
  /** `next` of the page before. */
  after: Place.default([]),
  /** ms since 1970. */
  since_ms: z.coerce.number().int().min(0).default(0),
  rating: Rating.optional(),
  texts: z.literal("1").optional(),
});

interface Said extends FeedbackEntry {
  readonly conversation_id: string;
}

type SaidWithTexts = Omit<Said, "ts" | "changes"> & { at: string; question?: string; answer?: string };

/** In the order in which conversations were last changed; without what was taken back. Throws ZodError, and what the broker answers. */
export async function feedbackPage(bus: Pick<Bus, "feedback" | "transcripts">, query: URLSearchParams) {
  const { limit, after, since_ms: sinceMs, rating, texts } = FeedbackQuery.parse(Object.fromEntries(query));
  const withTexts = texts !== undefined;
  const most = withTexts ? Math.min(limit, maxPageWithTexts) : limit;
  const { records, end, isLast } = await bus.feedback.page({ after, limit: most });
  const said = records.flatMap(entriesIn).filter((one) => {
    const isWanted = rating === undefined ? one.rating !== undefined : one.rating === rating;
    return isWanted && one.ts >= sinceMs;
  });
  const feedback: SaidWithTexts[] = [];
  for (const one of said) feedback.push({ ...shown(one), ...(withTexts ? await textsOf(bus.transcripts, one) : {}) });
  const place = end.join(".");
  return { page: { feedback, ...(isLast ? { last: place } : { next: place }) }, withTexts };
}

function entriesIn({ conversation_id, entries = [] }: FeedbackRecord): Said[] {
  return entries.map((entry) => ({ conversation_id, ...entry }));
}

function shown({ ts, changes: _changes, ...said }: Said): SaidWithTexts {
  return { at: new Date(ts).toISOString(), ...said };
}

/** Nothing of a turn that was deleted meanwhile. */
async function textsOf(
  { find }: Pick<Bus["transcripts"], "find">,
  { conversation_id, turn_id }: Said,
): Promise<{ question?: string; answer?: string }> {
  const turn = await find(conversation_id, turn_id, 0);
  return { ...beginning("question", turn?.question), ...beginning("answer", turn?.answer) };
}

function beginning<Name extends "question" | "answer">(
  name: Name,
  message: TranscriptMessage | undefined,
): Partial<Record<Name, string>> {
  const text: Partial<Record<Name, string>> = {};
  if (message !== undefined) text[name] = message.message.slice(0, shownChars).toWellFormed();
  return text;
}
