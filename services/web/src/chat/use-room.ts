import type { Conversation } from "@parley/client";
import type { ConversationView, Room } from "@parley/protocol/fold";
import { useView } from "@parley/react";
import { useMemo } from "react";
import type { Offers } from "../api/answers.ts";
import type { RoomScene } from "../message/room.ts";
import { mentionPattern, type Candidate } from "./mentions.ts";

/** Who is here, as whoever looks sees it. */
export interface Here {
  /** Undefined: its owner is alone. */
  readonly room: Room | undefined;
  readonly viewerId: string | undefined;
  /** As what they stand in it: `owner`, `writer`, `reader`, or what only a newer server knows. */
  readonly standing: string | undefined;
  readonly isOwner: boolean;
  readonly mayWrite: boolean;
  /** They were a member, and are none any more. */
  readonly isRemoved: boolean;
}

/** The same object as long as it says the same. Whoever is alone pays a look at a field for it. */
export function useHere(conversation: Conversation, viewerId: string | undefined): Here {
  const room = useView(conversation, roomOf);
  return useMemo(() => hereIn(room, viewerId), [room, viewerId]);
}

function roomOf({ room }: ConversationView): Room | undefined {
  return room;
}

function hereIn(room: Room | undefined, viewerId: string | undefined): Here {
  if (room === undefined || viewerId === undefined) {
    return { room, viewerId, standing: undefined, isOwner: room === undefined, mayWrite: true, isRemoved: false };
  }
  const member = room.members.find(({ id }) => id === viewerId);
  // Events tell of members; what a snapshot said of oneself may be older. Where not all are listed it is all there is.
  const isListed = room.members.length >= room.member_count;
  const standing =
    member?.role ?? (room.you === "operator" || !isListed ? (room.you ?? ownerIn(room, viewerId)) : undefined);
  const isRemoved = standing === undefined && isListed && room.members.length > 0;
  return { room, viewerId, standing, isOwner: standing === "owner", mayWrite: standing !== "reader", isRemoved };
}

/** Whoever was there before anybody else hears of those who come, and nothing of themselves: it is their conversation. */
function ownerIn({ owner }: Room, viewerId: string): "owner" | undefined {
  return owner.id === viewerId || owner.id === "" ? "owner" : undefined;
}

/** Whom a message can address: members but oneself, the agents by their names in the room, and then by their own. */
export function useCandidates({ room, viewerId }: Here, offers: Offers | undefined): readonly Candidate[] {
  return useMemo(() => {
    if (room === undefined) return none;
    const handles = room.agents.map(
      ({ handle, agent }) => ({ name: handle, kind: "agent", id: agent, text: agent }) as const,
    );
    const named = new Set(handles.map(({ name }) => name));
    const others = (offers?.agents ?? [])
      .filter(({ name }) => !named.has(name))
      .map(({ name, description }) => ({ name, kind: "agent", id: name, text: description }) as const);
    const members = room.members
      .filter(({ id }) => id !== viewerId)
      .map(
        ({ id, name }) =>
          ({ name: name ?? id, kind: "member", id, text: name === undefined ? undefined : id }) as const,
      );
    return [...members, ...handles, ...others];
  }, [room, viewerId, offers]);
}

const none: readonly Candidate[] = [];

interface SceneOf {
  readonly here: Here;
  readonly candidates: readonly Candidate[];
  readonly jumpTo: (messageId: string) => void;
  readonly react: RoomScene["react"];
}

/** What messages show of the room; undefined where its owner is alone. */
export function useScene({ here, candidates, jumpTo, react }: SceneOf): RoomScene | undefined {
  const { room, viewerId } = here;
  return useMemo(() => {
    if (room === undefined) return undefined;
    const own = room.members.filter(({ id }) => id === viewerId).map(({ id, name }) => name ?? id);
    const handles = new Map(room.agents.map(({ agent, handle }) => [agent, handle]));
    return {
      viewerId,
      handleOf: (agent) => handles.get(agent) ?? agent,
      mention: mentionPattern([...candidates.map(({ name }) => name), ...own]),
      jumpTo,
      react,
    };
  }, [room, viewerId, candidates, jumpTo, react]);
}
