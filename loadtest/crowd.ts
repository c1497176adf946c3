import exec from "k6/execution";
import { SharedArray } from "k6/data";
import { createAbuser } from "./abuser.ts";
import { createChatter } from "./chatter.ts";
import type { LoadUser, UserOptions } from "./load-user.ts";
import { createRoom, type Room } from "./room.ts";
import { createRoomMember } from "./room-member.ts";
import { type Group, groupOf, readSettings, roomOf, userCount } from "./settings.ts";
import { createTally, type Tally } from "./tally.ts";

const settings = readSettings(open(__ENV["PARLEY_SETTINGS"] ?? ""));
/** One for each user, of all processes; shared, so that they are in memory once and not once per VU. */
const tokens = new SharedArray<string>("tokens", () => open(__ENV["PARLEY_TOKENS"] ?? "").split("\n"));

const graceMs = 15_000;
const drainCheckMs = 200;

/** The options of a scenario: each VU runs once, with its share of the users. `thresholds`: what must hold. */
export function optionsWith(thresholds: Readonly<Record<string, string[]>>) {
  const { vus, runMs, drainMs } = settings;
  const maxDuration = `${Math.ceil((runMs + drainMs + graceMs) / 1_000)}s`;
  return {
    scenarios: { crowd: { executor: "per-vu-iterations", vus, iterations: 1, maxDuration, gracefulStop: "0s" } },
    thresholds,
    summaryTrendStats: ["count", "avg", "med", "p(90)", "p(95)", "p(99)", "p(99.9)", "max"],
    discardResponseBodies: true,
  };
}

/** What holds in every scenario: no word is lost, comes twice or late, and nothing fails. */
export const nothingLost: Readonly<Record<string, string[]>> = {
  parley_gaps: ["count==0"],
  parley_repeats: ["count==0"],
  parley_out_of_order: ["count==0"],
  parley_wrong: ["count==0"],
  parley_unfinished: ["count==0"],
  parley_errors: ["count==0"],
};

/** Many users in one VU, on its one event loop: a VU for each would cost megabytes. */
export function runCrowd(): void {
  const tally = createTally(exec.vu.idInTest);
  const users = ownUsers(tally);
  const reporting = setInterval(() => tally.report(), settings.reportEveryMs);

  const leave = (): void => {
    for (const user of users) user.close();
    clearInterval(reporting);
    tally.report();
  };
  setTimeout(() => {
    for (const user of users) user.finish();
    const giveUpMs = Date.now() + settings.drainMs;
    const draining = setInterval(() => {
      if (Date.now() < giveUpMs && users.some((user) => user.isBusy())) return;
      clearInterval(draining);
      leave();
    }, drainCheckMs);
  }, settings.runMs);
}

/** The users of this VU, each with a timer that connects it in its turn. */
function ownUsers(tally: Tally): LoadUser[] {
  const { groups, process, processes, connectMs } = settings;
  const all = userCount(groups);
  const users: LoadUser[] = [];
  const rooms = new Map<Group, Room>();
  for (let user = process; user < all; user += processes) {
    const group = groupOf(groups, user);
    if (group === undefined || !isOwn(user, group)) continue;
    const made = createUser({ settings, group, user, token: tokens[user] ?? "", tally }, rooms);
    setTimeout(made.connect, (connectMs * user) / all);
    users.push(made);
  }
  return users;
}

/** A room's people are in one VU; all others are spread one by one. */
function isOwn(user: number, group: Group): boolean {
  const { groups, processes, vus } = settings;
  const place = group.kind === "room" ? groups.indexOf(group) : Math.floor(user / processes);
  return place % vus === exec.vu.idInTest - 1;
}

function createUser(options: UserOptions, rooms: Map<Group, Room>): LoadUser {
  const { group, tally } = options;
  if (group.kind === "room") {
    const room =
      rooms.get(group) ?? createRoom(roomOf(settings.run, settings.groups.indexOf(group)), group.users, tally);
    rooms.set(group, room);
    return createRoomMember(options, room);
  }
  return options.group.kind === "abuse" ? createAbuser(options) : createChatter(options);
}

/** k6's own figures and verdicts, for the driver. */
export function handleSummary(data: unknown): Record<string, string> {
  return { [settings.summaryFile]: JSON.stringify(data) };
}
