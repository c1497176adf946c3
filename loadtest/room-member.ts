import { createAnswerCheck, type AnswerCheck } from "./answer-check.ts";
import { createLastingLink } from "./lasting-link.ts";
import type { LoadUser, UserOptions } from "./load-user.ts";
import type { Room, Witness } from "./room.ts";
import { expectedAnswer, questionFor, wordsIn } from "./schedule.ts";
import { findings } from "./turn.ts";
import { endsTurn, type Frame, messageFrame, reactFrame, readMarkFrame, subscribeFrame, typingFrame } from "./wire.ts";

/** One message in so many asks the agent. */
const askEvery = 5;
/** Of posts, how many somebody reacts to. */
const reactShare = 0.5;
const typesForMs = 800;
const readEveryMs = 5_000;
const signals: ReadonlySet<string> = new Set(["presence", "typing", "read"]);

/** Somebody in a room: writes to the others, now and then asks the agent, types, reacts and reads on. */
export function createRoomMember({ settings, group, user, token, tally }: UserOptions, room: Room): LoadUser {
  const { run, urls } = settings;
  const own = `${run}-${user}-`;
  const answers = createAnswers(group, tally);
  let witness: Witness | undefined;

  const seeMessage = (frame: Frame, atMs: number): void => {
    const sentMs = room.saidAt(frame.id);
    if (sentMs !== undefined) tally.time("said_seen", Math.max(0, atMs - sentMs));
    if (frame.type === "post" && frame.id.startsWith(own)) tally.count("posts");
    if (habits.see(frame)) tally.count("reactions");
  };
  const seeEvent = (frame: Frame, atMs: number): void => {
    witness?.see(frame);
    if (frame.type === "post" || frame.type === "message") seeMessage(frame, atMs);
    answers.see(frame, atMs, frame.id.startsWith(own));
  };
  const onFrame = (frame: Frame, atMs: number): void => {
    tally.count("frames");
    if (signals.has(frame.type)) tally.count("signals");
    if (frame.type === "subscribed") witness ??= room.arrive(habits.begin);
    if (frame.type === "accepted") tally.time("accepted", Math.max(0, atMs - (room.saidAt(frame.id) ?? atMs)));
    if (frame.type === "error" && frame.turn === "") tally.error(`refused ${frame.code}`);
    if (frame.type === "snapshot") tally.count("snapshots");
    else if (frame.seq > 0) seeEvent(frame, atMs);
  };
  const link = createLastingLink({
    ...{ urls, first: user, token, knows: ["posts"], mayBeLost: false, tally, onFrame },
    onReady: () => link.send(subscribeFrame(room.id, 0)),
  });
  const habits = createHabits({ own, user, group, room, send: link.send });

  return {
    connect: link.connect,
    finish: habits.end,
    isBusy: () => answers.areOpen() || witness?.isBehind() === true,
    close() {
      if (answers.areOpen()) tally.count("unfinished");
      if (witness === undefined) tally.error("never looked on");
      witness?.leave();
      link.close();
    },
  };
}

interface HabitOptions extends Pick<UserOptions, "user" | "group"> {
  /** With what the ids of their messages begin. */
  readonly own: string;
  readonly room: Room;
  readonly send: (text: string) => void;
}

/** What somebody does by themselves, and when. */
function createHabits({ own, user, group, room, send }: HabitOptions) {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let newest = "";
  let said = 0;
  let isOver = false;

  const later = (ms: number, act: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isOver) act();
    }, ms);
    timers.add(timer);
  };
  const speak = (): void => {
    const id = `${own}${said}`;
    // Not all of a room ask with the same message.
    const asks = (user + said++) % askEvery === 0;
    const text = asks ? `@${group.manner} ${questionFor(group)}` : `To all: ${id}`;
    room.said(id);
    send(messageFrame({ id, conversation: room.id, text }));
    later(group.thinkMs * (0.5 + Math.random()), type);
  };
  const type = (): void => {
    send(typingFrame(room.id));
    later(typesForMs, speak);
  };
  const readOn = (): void => {
    if (newest !== "") send(readMarkFrame(room.id, newest));
    newest = "";
    later(readEveryMs, readOn);
  };

  return {
    begin(): void {
      later(Math.random() * group.thinkMs, type);
      later(Math.random() * readEveryMs, readOn);
    },
    /** A message that is shown. Returns whether they react to it. */
    see({ type: kind, id, message }: Frame): boolean {
      newest = message;
      if (kind !== "post" || isOver || Math.random() >= reactShare / group.users) return false;
      send(reactFrame(`${id}-${user}`, room.id, message));
      return true;
    },
    end(): void {
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The answers that one member is shown, each held against what the model was told to say. */
function createAnswers(pace: UserOptions["group"], tally: UserOptions["tally"]) {
  const expected = expectedAnswer(pace);
  const open = new Map<string, { readonly check: AnswerCheck; readonly isOwn: boolean; readonly atMs: number }>();

  return {
    areOpen: () => open.size > 0,
    see(frame: Frame, atMs: number, isOwn: boolean): void {
      if (frame.type === "message") open.set(frame.turn, { check: createAnswerCheck(expected), isOwn, atMs });
      const answer = open.get(frame.turn);
      if (answer === undefined) return;
      const { check } = answer;
      if (frame.type === "token") {
        tally.count("tokens", wordsIn(frame.text));
        if (frame.writtenMs > 0) tally.time("delivery", Math.max(0, atMs - frame.writtenMs));
      }
      if (frame.type === "turn_restarted") tally.count("restarts");
      const finding = findingOf(frame, check);
      if (finding !== undefined) tally.count(finding);
      if (!endsTurn(frame.type)) return;
      open.delete(frame.turn);
      if (frame.type !== "complete") return tally.error(`turn ended: ${frame.type} ${frame.code}`);
      if (!answer.isOwn) return;
      tally.count("turns");
      tally.time("turn", atMs - answer.atMs);
    },
  };
}

function findingOf({ type, text }: Frame, check: AnswerCheck) {
  if (type === "token") return findings[check.token(text)];
  if (type === "turn_restarted") return findings[check.replace(text, true)];
  return type === "complete" ? findings[check.end(text)] : undefined;
}
