import type { TurnPlace } from "./branches.ts";
import type { TurnId } from "./ids.ts";
import { messages, type MessageView } from "./messages.ts";
import { createWithSiblings, newestBranch } from "./newest-branch.ts";
import type { TranscriptMessage } from "./transcript-message.ts";
import type { ConversationView } from "./view.ts";

/**
 * What is shown of a view by whoever knows branches (`@parley/protocol/branches`). Apart from the fold, which every page loads: without this a client shows turns that
 * were superseded while it looked on, until its next snapshot.
 */

export type BranchMessage = MessageView & Pick<TurnPlace, "siblings">;

/**
 * Of `messages` those of the branch of the newest turn. Each has the `siblings` of its turn, oldest first and itself too, if there are any. What has not changed between two
 * views is the same object in both answers.
 */
export function newestMessages(view: ConversationView): readonly BranchMessage[] {
  const all = messages(view);
  const said = placesIn(view.transcript);
  const isPlain = said.size === 0 && view.turns.every(({ message }) => message?.parent === undefined);
  if (isPlain) return all;
  let shown = newest.get(all);
  if (shown === undefined) newest.set(all, (shown = newestBranch(all, placesOf(view, all, said), withSiblings)));
  return shown;
}

/** Behind which the first of `newestMessages` was asked, if it says so: what stands before them leads to that turn. null: nothing does. */
export function leadOf(view: ConversationView): TurnId | null | undefined {
  const first = newestMessages(view).find(({ post }) => post === undefined)?.turn_id;
  const live = view.turns.find(({ turn_id }) => turn_id === first)?.message?.parent;
  return placesIn(view.transcript).get(first ?? "")?.parent ?? live;
}

const newest = new WeakMap<readonly MessageView[], readonly BranchMessage[]>();
const withSiblings = createWithSiblings<BranchMessage>();

type Places = ReadonlyMap<TurnId, TurnPlace>;
const ofTranscripts = new WeakMap<readonly TranscriptMessage[], Places>();

/** Of the questions that say where they stand. */
function placesIn(transcript: readonly TranscriptMessage[]): Places {
  let places = ofTranscripts.get(transcript);
  if (places === undefined) {
    const saying = transcript.filter(({ parent, siblings }) => parent !== undefined || siblings !== undefined);
    ofTranscripts.set(transcript, (places = new Map(saying.map((question) => [question.turn_id, question]))));
  }
  return places;
}

function placesOf({ turns }: ConversationView, all: readonly MessageView[], said: Places): readonly TurnPlace[] {
  const live = new Map(turns.map(({ turn_id, message }) => [turn_id, message] as const));
  const ids = new Set(all.flatMap(({ turn_id, post }) => (post === undefined ? turn_id : [])));
  return [...ids].map((turn_id) => {
    const { parent, supersedes, siblings } = { ...live.get(turn_id), ...said.get(turn_id) };
    return { turn_id, parent, supersedes, siblings };
  });
}
