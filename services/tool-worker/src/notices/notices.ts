import {
  createNoticeQueue,
  redisAddress,
  startNoticeWorker,
  type Bus,
  type NoticeQueue,
  type connectRedis,
} from "@parley/bus";
import { pushQueueName, type ToolJob } from "@parley/protocol";
import type { Lifecycle, Logger, Registry } from "@parley/runtime";
import { webhookKeyOf } from "../webhook-key.ts";
import { createDevices } from "./devices.ts";
import { createNoticeFigures, type Count } from "./figures.ts";
import { createPush } from "./push.ts";
import { createSend } from "./sending.ts";
import { vapidKeyOf } from "./vapid.ts";
import { createWebhook } from "./webhook.ts";

type RedisSettings = Parameters<typeof redisAddress>[0];

/** Of the settings of the process. */
export interface NoticeSettings extends RedisSettings {
  readonly NOTICE_WEBHOOK_URL?: string | undefined;
  readonly NOTICE_WEBHOOK_SECRET?: string | undefined;
  readonly NOTICE_WAITING_MS: number;
  readonly VAPID_PRIVATE_KEY?: string | undefined;
  readonly VAPID_SUBJECT?: string | undefined;
  readonly PUSH_HOSTS: readonly string[];
  readonly LOCK_MS: number;
  readonly STALLED_CHECK_MS: number;
}

export interface NoticeParts {
  readonly config: NoticeSettings;
  readonly bus: Pick<Bus, "facts" | "noticeRecords" | "gate" | "texts">;
  readonly redis: ReturnType<typeof connectRedis>;
  /** Of figures. */
  readonly figures: Registry;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** Told of each call of which a person is asked, also more than once. Waits for nothing. */
export type OnAsked = (job: ToolJob) => void;

const closeMs = 2_000;

/** Sends notices to people who are away, and makes those of calls that wait for a person. Undefined where nobody could be sent any: nothing is done. */
export function openNotices(parts: NoticeParts): OnAsked | undefined {
  const { config, bus, redis, figures, log, life } = parts;
  const webhook = openWebhook(parts);
  const count = createNoticeFigures(figures);
  const devices = openDevices(parts, count);
  if (webhook === undefined && devices === undefined) return undefined;
  const worker = startNoticeWorker({
    ...workerSettings(parts, log),
    send: createSend({ bus, webhook, devices, count, log }),
    onGivenUp: (job) => count(job, "given_up"),
  });
  life.use("notices", () => worker.close(closeMs));
  return createAsking({
    queue: createNoticeQueue({ redis, texts: bus.texts, log }),
    waitingMs: config.NOTICE_WAITING_MS,
    count,
    log,
  });
}

function workerSettings({ config, bus }: Pick<NoticeParts, "config" | "bus">, log: Logger) {
  return {
    ...redisAddress(config),
    texts: bus.texts,
    ...{ lockDurationMs: config.LOCK_MS, stalledIntervalMs: config.STALLED_CHECK_MS, log },
  };
}

function openWebhook({ config, life }: NoticeParts) {
  const { NOTICE_WEBHOOK_URL: url, NOTICE_WEBHOOK_SECRET: secret = "" } = config;
  const key = webhookKeyOf(secret);
  if (url === undefined || key === undefined) return undefined;
  const webhook = createWebhook({ url, secret: key });
  life.use("the receiver of notices", webhook.close);
  return webhook;
}

/** Devices have a queue of their own: what one of them does not take is tried again for that one alone. */
function openDevices({ config, bus, redis, log, life }: NoticeParts, count: Count) {
  const { VAPID_PRIVATE_KEY: text = "", VAPID_SUBJECT: subject, PUSH_HOSTS: hosts } = config;
  const key = vapidKeyOf(text);
  if (key === undefined || subject === undefined) return undefined;
  const push = createPush({ key, subject, hosts });
  life.use("push services", push.close);
  const queue = createNoticeQueue({ redis, texts: bus.texts, name: pushQueueName, log });
  const devices = createDevices({ bus, push, queue, count });
  const worker = startNoticeWorker({
    ...workerSettings({ config, bus }, log),
    ...{ name: pushQueueName, send: devices.send, onGivenUp: (job) => count(job, "push_given_up") },
  });
  life.use("notices to devices", () => worker.close(closeMs));
  return devices;
}

interface AskingDeps {
  readonly queue: NoticeQueue;
  readonly waitingMs: number;
  readonly count: Count;
  readonly log: Logger;
}

/** Whoever looks on decides meanwhile: where nobody has by then, the one who asked the agent is told. */
function createAsking({ queue, waitingMs, count, log }: AskingDeps): OnAsked {
  return ({ conversation_id, turn_id, call_id, user, caller }) => {
    const tenant = caller?.tenant === undefined ? {} : { tenant: caller.tenant };
    const notice = { type: "waiting" as const, user_id: user.id, ...tenant, conversation_id, call_id, at: Date.now() };
    const job = { notice, turn_id };
    queue.add(job, waitingMs).then(
      () => count(job, "made"),
      (err: unknown) => {
        log.debug({ err, conversation_id, call_id }, "a notice was lost");
        count(job, "lost");
      },
    );
  };
}
