import { createDialogue } from "./dialogue.ts";
import { createLastingLink } from "./lasting-link.ts";
import type { LoadUser, UserOptions } from "./load-user.ts";

const askAgainMs = 1_000;

/** A user who is connected, and asks one question after the other if the group does. */
export function createChatter({ settings, group, user, token, tally }: UserOptions): LoadUser {
  const { run, urls, mayLoseEdges } = settings;
  // Nobody begins in the same instant as everybody else.
  const startsMs = Date.now() + group.startMs + Math.random() * group.thinkMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isFinishing = false;

  const askIn = (delayMs: number): void => {
    clearTimeout(timer);
    if (isFinishing || group.kind !== "chat" || !dialogue.hasMore()) return;
    timer = setTimeout(() => dialogue.ask(), delayMs);
  };
  const link = createLastingLink({
    ...{ urls, first: user, token, mayBeLost: mayLoseEdges, tally },
    onReady() {
      if (!dialogue.resume()) askIn(Math.max(0, startsMs - Date.now()));
    },
    onFrame(frame, atMs) {
      tally.count("frames");
      dialogue.frame(frame, atMs);
    },
  });
  const dialogue = createDialogue({
    ...{ run, user, group, tally, send: link.send, onCaughtUp: link.caughtUp },
    onEnd(how) {
      if (how === "complete") tally.count("turns");
      else tally.error(`turn ended: ${how}`);
      askIn(how === "complete" ? group.thinkMs * (0.5 + Math.random()) : askAgainMs);
    },
  });

  return {
    connect: link.connect,
    finish() {
      isFinishing = true;
      clearTimeout(timer);
    },
    isBusy: dialogue.isWaiting,
    close() {
      isFinishing = true;
      clearTimeout(timer);
      if (dialogue.isWaiting()) tally.count("unfinished");
      link.close();
    },
  };
}
