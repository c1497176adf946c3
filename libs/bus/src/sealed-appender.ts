import type { Append, Appender, AppendResult } from "./appender.ts";
import type { DataKeys, KeyState } from "./data-keys.ts";
import { sealBytes, sealData, type DataKey } from "./seal-format.ts";
import type { SealPlace } from "./seal-places.ts";

export interface SealedAppenderDeps {
  readonly keys: DataKeys;
  readonly placeOf: (subject: string) => SealPlace | undefined;
}

const defaultTimeoutMs = 2_000;

/** What callers count has no seal. */
function unsealed(result: AppendResult): AppendResult {
  if (result.kind !== "too large") return result;
  return { ...result, bytes: result.bytes - sealBytes, maxBytes: result.maxBytes - sealBytes };
}

/**
 * Seals what is appended. At once where the key is there; else behind what waits for the same key, which is made where there is none. Without a key nothing is
 * stored: "unknown", as when the broker is silent.
 */
export function createSealedAppender(appender: Appender, { keys, placeOf }: SealedAppenderDeps): Appender {
  const send = async (message: Append, place: SealPlace, key: DataKey, timeoutMs: number): Promise<AppendResult> =>
    unsealed(await appender.append({ ...message, data: sealData(key, place.place, message.data) }, timeoutMs));

  const sendLater = (message: Append, place: SealPlace, timeoutMs: number): Promise<AppendResult> =>
    new Promise((resolve) => {
      const deadline = performance.now() + timeoutMs;
      const giveUp = setTimeout(() => resolve({ kind: "unknown" }), timeoutMs);
      const onKey = (state: KeyState): void => {
        clearTimeout(giveUp);
        const leftMs = deadline - performance.now();
        // Whoever asked has given up by then, and tries again by itself.
        if (state.kind === "none" && message.mayStayPlain === true && leftMs > 0)
          void appender.append(message, leftMs).then(resolve);
        else if (state.kind !== "key" || leftMs <= 0) resolve({ kind: "unknown" });
        else void send(message, place, state.key, leftMs).then(resolve);
      };
      keys.whenReady(place.scope, { makes: true, tenant: message.tenant }, onKey);
    });

  return {
    ...appender,
    append(message, timeoutMs = defaultTimeoutMs) {
      const place = message.isPlain === true ? undefined : placeOf(message.subject);
      if (place === undefined) return appender.append(message, timeoutMs);
      const key = keys.ready(place.scope);
      return key === undefined ? sendLater(message, place, timeoutMs) : send(message, place, key, timeoutMs);
    },
    maxBytes: () => appender.maxBytes() - sealBytes,
  };
}
