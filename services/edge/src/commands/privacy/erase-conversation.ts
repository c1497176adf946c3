import { kindOfMention, type Authored, type Bus, type Erased, type Holdable, type Mention } from "@parley/bus";
import {
  ChatError,
  answerRuleOf,
  type ConversationId,
  type Erasure,
  type Member,
  type People,
  type TurnId,
} from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { requestCancel } from "../cancel.ts";
import type { MemberLists } from "../rooms/rooms.ts";

export interface EraseConversationDeps {
  readonly bus: Pick<
    Bus,
    "changes" | "erasing" | "events" | "facts" | "owners" | "people" | "privacy" | "summaries" | "titles" | "turns"
  >;
  /** Deletes the whole of one; can be repeated. */
  readonly deleteWhole: (conversation: ConversationId, user: string, tenant: string | undefined) => Promise<void>;
  readonly lists: MemberLists;
  readonly policy: () => Erasure;
}

/** Something holds it: nothing is deleted of it. */
export class HeldError extends Error {
  override readonly name = "HeldError";
}

/** A worker stops within a fraction of a second; one that was lost is replaced after its silence. */
const maxStopMs = 20_000;
const lookEveryMs = 100;

/**
 * Takes somebody out of one conversation that names them; returns how much of them was there. Theirs alone: all of it goes. With others: they are handed over or deleted as the deployment says, and of one that goes on
 * their messages and what was answered to them become places without words, what they said of answers goes, and they are named by a pseudonym in what stays. Can be repeated. Throws
 * HeldError, and ChatError where it has to be tried again.
 */
export function createEraseConversation(deps: EraseConversationDeps) {
  const { bus } = deps;
  return async (conversation: ConversationId, mentions: readonly Mention[], erased: Erased): Promise<number> => {
    const { user } = erased;
    const [record, owner] = await Promise.all([bus.people.of(conversation), bus.owners.ownerOf(conversation)]);
    const people = record?.people;
    const tenant = people?.tenant ?? owner?.tenant;
    await checkFree(bus, { conversation, tenant, users: [...new Set([user, ...idsOf(people, owner)])] });
    await stopTurns(bus, conversation, user);
    const isOwner = (people === undefined ? owner?.userId : people.owner.id) === user;
    const heir = people === undefined || deps.policy().rooms === "delete" ? undefined : heirOf(people, user);
    let count = 0;
    if (isOwner && heir === undefined) count = await removeWhole(deps, { conversation, mentions, erased, tenant });
    else if (people !== undefined) await leave(deps, conversation, { user, heir });
    return count + (await takeOut(deps, conversation, mentions, erased));
  };
}

/** Whoever has a part in it. */
function idsOf(people: People | undefined, owner: { readonly userId: string } | undefined): string[] {
  if (people === undefined) return owner === undefined ? [] : [owner.userId];
  return [people.owner.id, ...people.members.map(({ id }) => id)];
}

async function checkFree({ privacy }: Pick<Bus, "privacy">, what: Holdable): Promise<void> {
  const hold = await privacy.heldBy(what);
  if (hold !== undefined) throw new HeldError(`${hold.on.kind} ${hold.on.id} is held: ${hold.reason}`);
}

interface Removal {
  readonly conversation: ConversationId;
  readonly mentions: readonly Mention[];
  readonly erased: Erased;
  readonly tenant: string | undefined;
}

/** What says whose a conversation was stays, under another name: no part of it is there then. */
const namesOnly: ReadonlySet<string> = new Set(["owner", "people", "handover"]);

async function removeWhole(
  { bus, deleteWhole }: EraseConversationDeps,
  { conversation, mentions, erased, tenant }: Removal,
): Promise<number> {
  await deleteWhole(conversation, erased.user, tenant);
  for (const mention of mentions) if (kindOfMention(mention) === "owner") await bus.erasing.rename(mention, erased);
  return mentions.some((mention) => !namesOnly.has(kindOfMention(mention))) ? 1 : 0;
}

/** Whoever writes in it for longest, else whoever reads in it for longest; undefined: nobody else is there. */
function heirOf({ members }: People, user: string): Member | undefined {
  const others = members.filter(({ id }) => id !== user).toSorted((one, other) => one.since - other.since);
  return others.find(({ role }) => role === "writer") ?? others[0];
}

async function stopTurns(bus: EraseConversationDeps["bus"], conversation: ConversationId, user: string): Promise<void> {
  const deadline = performance.now() + maxStopMs;
  const asked = new Set<TurnId>();
  for (;;) {
    await bus.turns.removeEnded(conversation);
    const own = (await bus.turns.waiting(conversation)).filter(({ request }) => request.user.id === user);
    if (own.length === 0) return;
    for (const { request } of own) {
      if (asked.has(request.turn_id)) continue;
      asked.add(request.turn_id);
      // Without their name: it would be kept with the facts.
      await requestCancel(bus, { conversation, turn: request.turn_id, by: "erasure", reason: "deleted" });
    }
    if (performance.now() > deadline)
      throw new ChatError("CONVERSATION_BUSY", {
        message: "What runs in a conversation of theirs has not stopped yet.",
      });
    await sleep(lookEveryMs);
  }
}

interface Leaving {
  readonly user: string;
  readonly heir: Member | undefined;
}

/** They are no member any more, and an owner leaves it to another one. Who looks on is told. */
async function leave(
  { bus, lists }: EraseConversationDeps,
  conversation: ConversationId,
  { user, heir }: Leaving,
): Promise<void> {
  await bus.people.change(conversation, (people) => {
    const isOwner = people.owner.id === user;
    const isMember = people.members.some(({ id }) => id === user);
    if ((!isOwner && !isMember) || (isOwner && heir === undefined)) return undefined;
    const { id, name } = heir ?? people.owner;
    const owner = isOwner ? { id, ...(name === undefined ? {} : { name }) } : people.owner;
    const members = people.members.filter((one) => one.id !== user && one.id !== owner.id);
    // The invitations that they made are nobody's word any more.
    const invites = people.invites.filter(({ by }) => by.id !== user);
    const next = { ...people, owner, members, invites };
    const gone = { id: user, role: null };
    const changed = isOwner ? [{ ...owner, role: "owner" as const }, gone] : [gone];
    const counts = { member_count: members.length + 1, answers: answerRuleOf(next), agents: next.agents };
    return { people: next, told: { type: "member", people: changed, ...counts } };
  });
  lists.left(user, conversation);
}

async function takeOut(
  deps: EraseConversationDeps,
  conversation: ConversationId,
  mentions: readonly Mention[],
  erased: Erased,
): Promise<number> {
  const { bus, lists } = deps;
  const theirs: Authored[] = [];
  let count = 0;
  for (const mention of mentions) {
    const authored = chains.has(kindOfMention(mention)) ? await bus.erasing.authored(mention, erased.user) : undefined;
    if (authored !== undefined) theirs.push(authored);
  }
  for (const one of theirs) await eraseMessages(deps, conversation, one, erased);
  if (theirs.length > 0) {
    if (await bus.erasing.isTitleOf(conversation, erased.user)) await bus.titles.bury(conversation);
    await bus.summaries.drop(conversation);
    const people = (await bus.people.of(conversation))?.people;
    const members = people === undefined ? [] : [people.owner, ...people.members].map(({ id }) => id);
    // Lists show the beginning of the first message, which may have been theirs.
    for (const id of members) lists.left(id, conversation);
    lists.joined(members, conversation);
  }
  for (const mention of mentions) count += await takeOutMention(deps, conversation, mention, erased);
  return theirs.length + count;
}

/** Records that stand in a chain, each with a place of its own. */
const chains: ReadonlySet<string> = new Set(["post", "log"]);
/** Records of which the last one counts. */
const lastCount: ReadonlySet<string> = new Set(["owner", "people", "change", "feedback", "title", "handover"]);

/** Who looks on sees them go first; then the words go. */
async function eraseMessages(
  { bus }: EraseConversationDeps,
  conversation: ConversationId,
  { mention, messageIds, turn }: Authored,
  { pseudonym }: Erased,
): Promise<void> {
  for (const id of messageIds) {
    await bus.changes.change(
      conversation,
      id,
      async () => undefined,
      (now) => {
        if (now?.deleted_at !== undefined) return undefined;
        const by = { id: pseudonym };
        const stands = { deleted_at: Date.now(), deleted_by: by, reactions: [] };
        return { stands, told: { type: "message_deleted", by: { role: "user", ...by } } };
      },
    );
  }
  await bus.erasing.blank(conversation, mention, pseudonym);
  await bus.erasing.dropFacts(conversation, turn);
}

async function takeOutMention(
  { bus }: EraseConversationDeps,
  conversation: ConversationId,
  mention: Mention,
  erased: Erased,
): Promise<number> {
  const kind = kindOfMention(mention);
  if (lastCount.has(kind)) return (await bus.erasing.rename(mention, erased)) ? 1 : 0;
  if (kind === "read") return (await bus.erasing.drop(mention, erased.user)) ? 1 : 0;
  return kind === "fact" ? takeOutFact(bus, conversation, mention, erased) : 0;
}

/** Facts of turns that are over. What others asked stays until it runs out, within days: without it a repeat of theirs would run again. */
async function takeOutFact(
  bus: EraseConversationDeps["bus"],
  conversation: ConversationId,
  mention: Mention,
  { user }: Erased,
): Promise<number> {
  const [, , , , turn = "", kind] = mention.subject.split(".");
  if ((await bus.turns.waiting(conversation)).some(({ request }) => request.turn_id === turn)) return 0;
  if (kind !== "said") return (await bus.erasing.drop(mention, user)) ? 1 : 0;
  const said = await bus.facts.read("said", { conversation, turn });
  if (said?.kind !== "said" || said.author.id !== user) return 0;
  await bus.erasing.dropFacts(conversation, turn);
  return 1;
}
