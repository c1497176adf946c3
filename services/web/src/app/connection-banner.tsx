import { closeCodes } from "@parley/protocol/fold";
import { useConnection } from "@parley/react";
import { useEffect, useState } from "react";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useSecondsTo } from "../ui/use-seconds-to.ts";
import { useWords, type Words } from "../words/use-words.ts";

interface ConnectionBannerProps {
  /** Begins anew after the server has closed for good. */
  readonly renew: () => void;
}

/** Says when there is no connection, and for how long; nothing as long as all is well. */
export function ConnectionBanner({ renew }: ConnectionBannerProps) {
  const words = useWords();
  const { state, isOnline, retryAtMs, retryNow } = useConnection();
  const isSlow = useIsLasting(state.name === "connecting" || state.name === "authenticating", slowMs);
  const seconds = useSecondsTo(retryAtMs);
  const notice = noticeOf(
    { name: state.name, code: "code" in state ? state.code : 0, isOnline, isSlow, seconds },
    words,
  );
  return (
    <div role="status" aria-label={words.app.connection.name} hidden={notice === undefined} className="app-banner">
      {notice !== undefined && (
        <>
          <Icon name={notice.icon} />
          {/* Each second another number: ears hear the sentence once. */}
          <span className="app-banner-text" aria-hidden={notice.spoken !== notice.text}>
            {notice.text}
          </span>
          {notice.spoken !== notice.text && <span className="ui-hidden">{notice.spoken}</span>}
          {notice.action !== undefined && (
            <button
              type="button"
              className="ui-button ui-button-small"
              onClick={notice.action === "renew" ? renew : retryNow}
            >
              {words.app.connection.tryNow}
            </button>
          )}
        </>
      )}
    </div>
  );
}

interface Notice {
  readonly icon: IconName;
  readonly text: string;
  readonly spoken: string;
  readonly action?: "retry" | "renew";
}

interface Link {
  readonly name: string;
  readonly code: number;
  readonly isOnline: boolean;
  readonly isSlow: boolean;
  readonly seconds: number;
}

/** Undefined: there is nothing to say. Pure. */
export function noticeOf(
  { name, code, isOnline, isSlow, seconds }: Link,
  { app: { connection } }: Pick<Words, "app">,
): Notice | undefined {
  if (name === "closed") {
    const text = closedSentences(connection).get(code) ?? connection.closed;
    return { icon: "alert", text, spoken: text, action: "renew" };
  }
  // Before the socket knows: it has nothing to say until somebody asks it.
  if (!isOnline) return { icon: "cloudOff", text: connection.offline, spoken: connection.offline };
  if (name === "waiting") {
    const spoken = connection.retryIn(0);
    return { icon: "cloudOff", text: connection.retryIn(seconds), spoken, action: "retry" };
  }
  return isSlow && name !== "ready"
    ? { icon: "hourglass", text: connection.connecting, spoken: connection.connecting }
    : undefined;
}

/** By the codes with which a server closes for good. */
function closedSentences({ blocked, tooMany }: Words["app"]["connection"]): ReadonlyMap<number, string> {
  return new Map([
    [closeCodes.policy, blocked],
    [closeCodes.tooManyConnections, tooMany],
  ]);
}

/** A connection that is made within this time is no news. */
const slowMs = 2_000;

function useIsLasting(isSo: boolean, forMs: number): boolean {
  const [isLasting, setLasting] = useState(false);
  useEffect(() => {
    if (!isSo) return undefined;
    const timer = setTimeout(() => setLasting(true), forMs);
    return () => {
      clearTimeout(timer);
      setLasting(false);
    };
  }, [isSo, forMs]);
  return isSo && isLasting;
}
