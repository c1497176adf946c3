import { Counter, type Registry } from "@parley/runtime";

export type RoomDeed = "added" | "removed" | "left" | "role" | "owner" | "invited" | "joined";

export type RoomFigures = ReturnType<typeof createRoomFigures>;

const deeds: readonly RoomDeed[] = ["added", "removed", "left", "role", "owner", "invited", "joined"];

/** What people do about who has a part in conversations. */
export function createRoomFigures() {
  const changes = new Counter({
    name: "parley_edge_room_changes_total",
    help: "Members of conversations that were added, were removed, left, got another role or the conversation, were invited, or joined.",
    labelNames: ["change"],
    registers: [],
  });
  for (const change of deeds) changes.inc({ change }, 0);
  const dismissed = new Counter({
    name: "parley_edge_room_viewers_dismissed_total",
    help: "Viewers that were sent away because their user has no part in the conversation any more.",
    registers: [],
  });
  return {
    count: (change: RoomDeed): void => changes.inc({ change }),
    dismissed: (): void => dismissed.inc(),
    register(registry: Registry): void {
      registry.registerMetric(changes);
      registry.registerMetric(dismissed);
    },
  };
}
