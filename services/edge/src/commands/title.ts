import type { Bus } from "@parley/bus";
import { ChatError, type Caller, type TitleFrame } from "@parley/protocol";
import type { Ownership } from "./ownership.ts";

export interface TitleDeps {
  readonly titles: Pick<Bus["titles"], "give">;
  readonly ownership: Ownership;
}

/**
 * `title`: gives a conversation of one's own a title; returns it as it is kept. Its viewers are told by the event. An edge that dies between record
 * and event has not answered: whoever asks again gives the title again.
 */
export function createTitleHandler({ titles, ownership }: TitleDeps) {
  return async (caller: Caller, { conversation_id, title }: Omit<TitleFrame, "type">): Promise<string> => {
    await ownership.check(conversation_id, caller, "conversation:title");
    const { user } = caller;
    const by = { role: "user", id: user.id, ...(user.name === undefined ? {} : { name: user.name }) };
    const given = await titles.give(conversation_id, { title, by });
    if (given === undefined) throw new ChatError("PROCESSING_ERROR");
    return given;
  };
}
