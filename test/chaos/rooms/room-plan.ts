import { createRandom, type Random } from "../plan/random.ts";

/** What people do in a room, and when. The same seed gives the same plan. */
export interface RoomPlan {
  readonly id: string;
  /** The first one begins it; the last one is removed, and invited again. */
  readonly people: readonly string[];
  readonly invitedAtMs: number;
  /** From then on when all are there. */
  readonly removedAtMs: number;
  readonly backAtMs: number;
  readonly acts: readonly Act[];
}

export type Act = {
  /** From then on when all are there. */
  readonly atMs: number;
  /** Place among the people. */
  readonly by: number;
} & (
  | { readonly kind: "post" | "ask"; readonly id: string; readonly text: string; readonly isRepeated: boolean }
  /** Of the last message of theirs that was accepted. */
  | { readonly kind: "edit"; readonly text: string }
  /** To the last message of anybody's that they were shown. */
  | { readonly kind: "react"; readonly reaction: string }
  | { readonly kind: "cut" }
);

export interface RoomWorkload {
  readonly rooms: number;
  /** Of each room. */
  readonly acts: number;
  readonly spanMs: number;
}

const peopleOfRoom = 4;

export function roomPlansOf(seed: string, { rooms, acts, spanMs }: RoomWorkload): RoomPlan[] {
  return Array.from({ length: rooms }, (_, at) => {
    const random = createRandom(`${seed}/room ${at}`);
    const people = Array.from({ length: peopleOfRoom }, (_person, place) => `room${at}-person${place}`);
    return {
      id: `c_room_${at}_${random.within([0, 2 ** 30])}`,
      people,
      invitedAtMs: random.within([300, 600]),
      removedAtMs: Math.round(spanMs * 0.35),
      backAtMs: Math.round(spanMs * 0.7),
      acts: Array.from({ length: acts }, (_act, n) => actOf(random, n, spanMs)),
    };
  });
}

function actOf(random: Random, n: number, spanMs: number): Act {
  const common = { atMs: random.within([0, spanMs]), by: random.within([0, peopleOfRoom - 1]) };
  const kind = random.weighted({ post: 6, ask: 2, edit: 2, react: 2, cut: 1 });
  switch (kind) {
    case "post":
    case "ask": {
      const sim = kind === "ask" ? `\n/sim tokens=${random.within([5, 60])} rate=60` : "";
      return { ...common, kind, id: `act${n}`, text: `Act ${n}.${sim}`, isRepeated: random.chance(0.3) };
    }
    case "edit":
      return { ...common, kind, text: `Changed by act ${n}.` };
    case "react":
      return { ...common, kind, reaction: random.pick(["👍", "👀", "done"]) };
    default:
      return { ...common, kind };
  }
}
