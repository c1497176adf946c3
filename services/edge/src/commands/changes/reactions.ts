import { ChatError, limits, type Person, type ReactionCount } from "@parley/protocol";

export interface NewReaction {
  readonly reaction: string;
  readonly on: boolean;
  readonly by: Person;
}

/** The reactions to a message after one was given or taken back; undefined: it is so already. Throws CONFLICT where there are too many. */
export function reacted(
  reactions: readonly ReactionCount[],
  { reaction, on, by }: NewReaction,
): ReactionCount[] | undefined {
  const isTheirs = ({ id }: Person): boolean => id === by.id;
  const given = reactions.find((one) => one.reaction === reaction);
  if (given?.by.some(isTheirs) === on || (given === undefined && !on)) return undefined;
  if (!on) {
    const without = (one: ReactionCount): ReactionCount =>
      one === given ? { ...one, by: one.by.filter((person) => !isTheirs(person)) } : one;
    return reactions.map(without).filter((one) => one.by.length > 0);
  }
  checkRoom(reactions, given, isTheirs);
  if (given === undefined) return [...reactions, { reaction, by: [by] }];
  return reactions.map((one) => (one === given ? { ...one, by: [...one.by, by] } : one));
}

function checkRoom(
  reactions: readonly ReactionCount[],
  given: ReactionCount | undefined,
  isTheirs: (person: Person) => boolean,
): void {
  if (given === undefined && reactions.length >= limits.reactionKinds)
    throw tooMany(`at most ${limits.reactionKinds} different ones`);
  if (reactions.filter(({ by }) => by.some(isTheirs)).length >= limits.reactionsOfUser)
    throw tooMany(`at most ${limits.reactionsOfUser} of one person`);
  if (reactions.reduce((sum, { by }) => sum + by.length, 0) >= limits.reactionsOfMessage)
    throw tooMany(`at most ${limits.reactionsOfMessage}`);
}

function tooMany(most: string): ChatError {
  return new ChatError("CONFLICT", { message: `There are too many reactions to this message: ${most}.` });
}
