import { sleep } from "@parley/runtime";

/** What somebody asks the edges over HTTP, as a person would: again, of the next edge, until one answers. */
export interface RoomCalls {
  call(token: string, method: string, path: string, body?: object): Promise<CallAnswer>;
}

export interface CallAnswer {
  readonly status: number;
  /** Undefined: none, or no JSON. */
  readonly body: unknown;
}

const againMs = 250;
/** An edge that was killed is back within a minute, also on a busy machine. */
const giveUpMs = 90_000;

export function createRoomCalls(edges: () => readonly string[], signal: AbortSignal): RoomCalls {
  let next = 0;
  const once = async (token: string, method: string, path: string, body: object | undefined) => {
    const urls = edges();
    const base = (urls[next++ % urls.length] ?? "").replace(/^ws/, "http").replace(/\/ws\/chat$/, "");
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${base}/api/v1/conversations/${path}`, {
      ...{ method, headers, ...sent },
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? (JSON.parse(text) as unknown) : undefined };
  };
  return {
    async call(token, method, path, body) {
      const endsAt = performance.now() + giveUpMs;
      let last: CallAnswer = { status: 0, body: undefined };
      while (performance.now() < endsAt && !signal.aborted) {
        last = await once(token, method, path, body).catch(() => ({ status: 0, body: undefined }));
        if (last.status !== 0 && last.status < 500 && last.status !== 429) return last;
        await sleep(againMs, signal);
      }
      return last;
    },
  };
}
