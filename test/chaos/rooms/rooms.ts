import { sleep } from "@parley/runtime";
import type { Violation } from "../history.ts";
import type { Timeline } from "../timeline.ts";
import type { World } from "../world/world.ts";
import { playRoom } from "./room-audience.ts";
import { checkRoom } from "./room-checks.ts";
import { readRoom, type RoomHistory } from "./room-history.ts";
import { roomPlansOf, type RoomWorkload } from "./room-plan.ts";

/** The rooms of a scenario. */
export interface Rooms {
  /** Waits until all was done, and all who look on know; what is missing then, the checks say. */
  over(): Promise<void>;
  check(): Promise<CheckedRooms>;
  /** What was to happen in them and did not. */
  doubt(): string | undefined;
  close(): void;
}

export interface CheckedRooms {
  readonly violations: readonly Violation[];
  readonly histories: readonly RoomHistory[];
}

interface Stage {
  readonly world: World;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
}

const endWithinMs = 150_000;
const knowWithinMs = 20_000;
const lookEveryMs = 500;

export function openRooms(seed: string, workload: RoomWorkload | undefined, stage: Stage): Rooms {
  const plans = workload === undefined ? [] : roomPlansOf(seed, workload);
  const rooms = plans.map((plan) => playRoom(seed, plan, stage));
  const check = async (): Promise<CheckedRooms> => {
    const histories = await Promise.all(rooms.map((room) => readRoom(stage.world, room)));
    return { violations: histories.flatMap(checkRoom), histories };
  };
  return {
    async over() {
      if (rooms.length === 0) return;
      const all = Promise.all(rooms.map(({ finished }) => finished));
      await Promise.race([all, sleep(endWithinMs, stage.signal)]);
      const endsAt = performance.now() + knowWithinMs;
      while (performance.now() < endsAt && !stage.signal.aborted && (await check()).violations.length > 0)
        await sleep(lookEveryMs, stage.signal);
    },
    check,
    doubt() {
      const posts = rooms.flatMap(({ accepted }) => accepted.filter(({ kind }) => kind === "post")).length;
      if (rooms.length > 0 && posts < 10) return `only ${posts} messages between people, expected at least 10`;
      return rooms.every(({ edits, reactions }) => edits + reactions === 0) && rooms.length > 0
        ? "no message was changed"
        : undefined;
    },
    close: () => rooms.forEach((room) => room.close()),
  };
}
