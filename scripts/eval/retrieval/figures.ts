import type { LabelledQuestion } from "./question-set.ts";

/** What a search gave for a question. */
export interface Asked {
  readonly question: LabelledQuestion;
  /** Texts of what was found, the best first. */
  readonly found: readonly string[];
}

export interface RetrievalFigures {
  readonly questions: number;
  readonly answerable: number;
  /** Of the answerable ones: the passage is the first one, or among the first three or five. */
  readonly recall1: number;
  readonly recall3: number;
  readonly recall5: number;
  /** Of the answerable ones, the mean of 1 / place of the passage among the first five; 0 where it is none of them. */
  readonly mrr: number;
  readonly unanswerable: number;
  /** Of the unanswerable ones: nothing was found. */
  readonly refused: number;
  /** Of the answerable ones: nothing was found. */
  readonly refusedWrongly: number;
}

export const isAnswerable = ({ answer }: LabelledQuestion): boolean => answer !== "none";

const plain = (text: string): string => text.replaceAll(/\s+/g, " ").toLowerCase();

/** From 1 on; undefined: none of them has it. */
export function placeOf({ question: { answer }, found }: Asked): number | undefined {
  const at = found.findIndex((text) => plain(text).includes(plain(answer)));
  return at < 0 ? undefined : at + 1;
}

export function figuresOf(asked: readonly Asked[]): RetrievalFigures {
  const answerable = asked.filter(({ question }) => isAnswerable(question));
  const unanswerable = asked.filter(({ question }) => !isAnswerable(question));
  const places = answerable.map(placeOf);
  const within = (most: number): number => share(places.filter((place) => (place ?? Infinity) <= most).length, places);
  const isEmpty = ({ found }: Asked): boolean => found.length === 0;
  return {
    questions: asked.length,
    answerable: answerable.length,
    ...{ recall1: within(1), recall3: within(3), recall5: within(5) },
    mrr: share(
      places.reduce((sum: number, place) => sum + (place === undefined || place > 5 ? 0 : 1 / place), 0),
      places,
    ),
    unanswerable: unanswerable.length,
    refused: share(unanswerable.filter(isEmpty).length, unanswerable),
    refusedWrongly: share(answerable.filter(isEmpty).length, answerable),
  };
}

function share(count: number, all: readonly unknown[]): number {
  return all.length === 0 ? 1 : Math.round((1_000 * count) / all.length) / 1_000;
}
