import { startOfDay } from "../words/days.ts";

/** Entries of the list under the days they were last used on, newest first. */
export type GroupName = "today" | "yesterday" | "week" | "older";

export interface Group<Item> {
  readonly name: GroupName;
  readonly items: readonly Item[];
}

/** Days are those of the person's calendar; a clock of the server's that is ahead is today. */
export function groupsOf<Item extends { readonly updated_at: number }>(
  items: readonly Item[],
  nowMs: number,
): Group<Item>[] {
  const groups = new Map<GroupName, Item[]>();
  for (const item of items) {
    const name = groupOf(item.updated_at, nowMs);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return [...groups].map(([name, members]) => ({ name, items: members }));
}

function groupOf(atMs: number, nowMs: number): GroupName {
  if (atMs >= startOfDay(nowMs)) return "today";
  if (atMs >= startOfDay(nowMs, -1)) return "yesterday";
  return atMs >= startOfDay(nowMs, -7) ? "week" : "older";
}
