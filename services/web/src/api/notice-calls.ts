import { has, listIn, oneOf, textIn } from "./answers.ts";
import { ApiError, fieldsOf } from "./api-error.ts";
import type { Http } from "./http.ts";

export const noticeWants = ["all", "addressed", "none"] as const;
export type NoticeWants = (typeof noticeWants)[number];

/** A browser that is told. */
export interface NoticeDevice {
  readonly id: string;
  readonly name?: string;
  readonly seen_at: number;
}

export interface NoticeChoice {
  readonly wants: NoticeWants;
  /** By which browsers know who sends; undefined: they are sent nothing. */
  readonly pushKey?: string;
  readonly devices: readonly NoticeDevice[];
}

/** What a browser says of itself when it is to be told. */
export interface NewNoticeDevice {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  readonly name?: string;
  readonly language?: string;
}

/** What the page asks of what its person is told when they are away. Everything throws `ApiError`. */
export interface NoticeApi {
  /** Undefined: nobody is told anything there, or this person has no right to it. */
  readonly notices: () => Promise<NoticeChoice | undefined>;
  readonly wantNotices: (wants: NoticeWants) => Promise<void>;
  readonly addNoticeDevice: (device: NewNoticeDevice) => Promise<void>;
  readonly removeNoticeDevice: (id: string) => Promise<void>;
}

const path = "/api/v1/notices";

export function noticeCalls(http: Http): NoticeApi {
  return {
    notices: async () => {
      try {
        return choiceIn(await http(path));
      } catch (thrown) {
        if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 403)) return undefined;
        throw thrown;
      }
    },
    wantNotices: async (wants) => void (await http(path, { method: "PUT", body: { wants } })),
    addNoticeDevice: async (device) => void (await http(`${path}/devices`, { method: "POST", body: device })),
    removeNoticeDevice: async (id) =>
      void (await http(`${path}/devices/${encodeURIComponent(id)}`, { method: "DELETE" })),
  };
}

function choiceIn(answer: unknown): NoticeChoice | undefined {
  const { enabled, wants: wanted } = oneOf(answer, isChoice);
  if (!enabled) return undefined;
  // A newer server knows more of them.
  const wants = noticeWants.find((one) => one === wanted) ?? "addressed";
  const pushKey = textIn(answer, "push_key");
  return { wants, devices: listIn(answer, "devices", isDevice), ...(pushKey === undefined ? {} : { pushKey }) };
}

function isChoice(value: unknown): value is { readonly enabled: boolean; readonly wants: string } {
  return has(value, { enabled: "boolean", wants: "string" });
}

function isDevice(value: unknown): value is NoticeDevice {
  const { name } = fieldsOf(value);
  return has(value, { id: "string", seen_at: "number" }) && (name === undefined || typeof name === "string");
}
