import { NoticeRefusedError } from "@parley/bus";
import { pushPlaceOf, type Notice, type NoticeDevice } from "@parley/protocol";
import { createGuardedFetch } from "../mcp/guarded-fetch.ts";
import { isSealable, sealMessage } from "./message-encryption.ts";
import { createVapid, type VapidKey } from "./vapid.ts";

/** Sends notices to browsers by their push services (RFC 8030). Their addresses come from whoever asked for notices: each is judged here, and where it leads to. */

const answerMs = 10_000;
const answerBytes = 16 * 1024;
/** What a service could not deliver within it is no news. */
const freshS = 3_600;
/** Beginnings of what people have written: the whole must fit into one message. */
const titleChars = 200;
const nameChars = 100;

export interface PushOptions {
  readonly key: VapidKey;
  readonly subject: string;
  /** To which services; see `pushHostsIn`. */
  readonly hosts: readonly string[];
}

export type Push = ReturnType<typeof createPush>;

export function createPush({ key, subject, hosts }: PushOptions) {
  const bounds = { caFile: undefined, answerMs, messageBytes: answerBytes, messagesPerSecond: 1_000 };
  // The operator's own may be in our network; a public name that leads into it is refused where the connection is made.
  const clients = {
    own: createGuardedFetch({ ...bounds, privateAddresses: true }),
    public: createGuardedFetch({ ...bounds, privateAddresses: false }),
  };
  const authorization = createVapid(key, subject);
  return {
    /** `gone`: the service does not know the device any more, or it can be sent nothing. Throws where it was not taken; `NoticeRefusedError`: it never will be. */
    async send(id: string, notice: Notice, device: NoticeDevice, signal: AbortSignal): Promise<"sent" | "gone"> {
      const { endpoint } = device;
      const place = pushPlaceOf(endpoint, hosts);
      if (place === undefined || !isSealable(device)) return "gone";
      const headers = {
        authorization: authorization(endpoint),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        ttl: String(Math.max(0, Math.round(freshS - (Date.now() - notice.at) / 1_000))),
        urgency: "high",
        // One that is sent again takes the place of itself, as long as it was not delivered. At most 32 characters.
        topic: id.slice(-32),
      };
      const body = sealMessage(Buffer.from(JSON.stringify(shownOf(id, notice, device))), device);
      const within = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const response = await clients[place].fetch(endpoint, { method: "POST", headers, body, signal: within });
      // Nobody reads it, and the connection is to be free again.
      await response.body?.cancel();
      return outcomeOf(response.status);
    },
    async close(): Promise<void> {
      await Promise.all([clients.own.close(), clients.public.close()]);
    },
  };
}

function outcomeOf(status: number): "sent" | "gone" {
  if (status >= 200 && status < 300) return "sent";
  if (status === 404 || status === 410) return "gone";
  const message = `the push service answered ${status}`;
  // 429 and what is wrong with the service may pass; that it does not take our key or our message will not.
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw new NoticeRefusedError(message);
  throw new Error(message);
}

/** What the page's service worker shows. It has sentences of its own for the rest. */
function shownOf(id: string, { type, conversation_id, title, by, text, at }: Notice, { language }: NoticeDevice) {
  return {
    ...{ v: 1, id, type, conversation_id, at },
    ...(title === undefined ? {} : { title: cut(title, titleChars) }),
    ...(by === undefined ? {} : { by: cut(by.name ?? by.id, nameChars) }),
    ...(text === undefined ? {} : { text }),
    ...(language === undefined ? {} : { language }),
  };
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1).toWellFormed()}…`;
}
