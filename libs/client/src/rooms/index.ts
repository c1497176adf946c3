export { createRooms, type NewInvite, type NewMember, type RoomPeople, type RoomRules, type Rooms } from "./rooms.ts";
export type { RequestOptions } from "./requests.ts";
export { members, reactionsOf, readersOf, repliesTo, typingUsers } from "./selectors.ts";
export type {
  Invite,
  Member,
  MemberRole,
  MessageChanges,
  Person,
  PresenceFrame,
  PresentAgent,
  ReactionCount,
  ReadMark,
  Room,
  RoomAgent,
} from "@parley/protocol/fold";
