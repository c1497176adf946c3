import { useEffect } from "react";
import type { NoticeApi } from "../api/notice-calls.ts";
import { useWords } from "../words/use-words.ts";
import type { Navigation } from "./navigation.ts";
import type { Session } from "./sessions.ts";

/** The first paint and the first question have the network for themselves. */
const renewAfterMs = 5_000;
const conversationPath = /^\/(c\/[A-Za-z0-9_-]{1,128})?$/;

/** Keeps up what this browser is told, leads to where a notice was touched, and takes away those of what is open. Whoever has none loads nothing for it. */
export function useNoticesHere({ me, api }: Session, navigation: Navigation): void {
  const { language } = useWords();
  const userId = me.user.id;
  useEffect(() => {
    if (!mayHaveNotices()) return undefined;
    const timer = setTimeout(() => {
      void import("./notices-here.ts")
        .then(({ renewNotices }) => renewNotices(api, { userId, language }))
        .catch(nothing);
    }, renewAfterMs);
    return () => clearTimeout(timer);
  }, [api, userId, language]);
  useEffect(() => {
    const { serviceWorker } = navigator;
    // Only where all comes by TLS, or from this machine.
    if (serviceWorker === undefined) return undefined;
    const onMessage = ({ data }: MessageEvent): void => {
      const path = pathIn(data);
      if (path !== undefined) navigation.go(path);
    };
    serviceWorker.addEventListener("message", onMessage);
    return () => serviceWorker.removeEventListener("message", onMessage);
  }, [navigation]);
  useEffect(() => {
    if (!mayHaveNotices()) return undefined;
    const close = (): void =>
      void import("./notices-here.ts").then(({ closeNoticesOf }) => closeNoticesOf(location.pathname)).catch(nothing);
    close();
    return navigation.subscribe(close);
  }, [navigation]);
}

/** For who signs out: nothing is sent here any more. */
export async function forgetDevice(api: NoticeApi): Promise<void> {
  if (mayHaveNotices()) await (await import("./notices-here.ts")).removeDevice(api);
}

/** What could not be kept up now is so the next time. */
const nothing = (): void => undefined;

function mayHaveNotices(): boolean {
  return "Notification" in globalThis && Notification.permission === "granted" && "serviceWorker" in navigator;
}

function pathIn(data: unknown): string | undefined {
  if (typeof data !== "object" || data === null || !("type" in data) || data.type !== "open") return undefined;
  return "path" in data && typeof data.path === "string" && conversationPath.test(data.path) ? data.path : undefined;
}
