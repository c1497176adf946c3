import {
  createNoticeQueue,
  redisAddress,
  startNoticeWorker,
  type Bus,
  type NoticeQueue,
  type connectRedis,
} from "@parley/bus";
import type { NoticeJob, ToolJob } from "@parley/protocol";
import { Counter, type Lifecycle, type Logger, type Registry } from "@parley/runtime";
import { webhookKeyOf } from "../webhook-key.ts";
import { createWebhook, type Webhook } from "./webhook.ts";

type RedisSettings = Parameters<typeof redisAddress>[0];

/** Of the settings of the process. */
export interface NoticeSettings extends RedisSettings {
  readonly NOTICE_WEBHOOK_URL?: string | undefined;
  readonly NOTICE_WEBHOOK_SECRET?: string | undefined;
  readonly NOTICE_WAITING_MS: number;
  readonly LOCK_MS: number;
  readonly STALLED_CHECK_MS: number;
}

export interface NoticeParts {
  readonly config: NoticeSettings;
  readonly bus: Pick<Bus, "facts" | "texts">;
  readonly redis: ReturnType<typeof connectRedis>;
  /** Of figures. */
  readonly figures: Registry;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** Told of each call of which a person is asked, also more than once. Waits for nothing. */
export type OnAsked = (job: ToolJob) => void;

const closeMs = 2_000;
/** What nobody could be told for so long is no news. */
const staleMs = 3_600_000;

/** Sends notices to people who are away, and makes those of calls that wait for a person. Undefined where no receiver is set: nothing is done. */
export function openNotices({ config, bus, redis, figures, log, life }: NoticeParts): OnAsked | undefined {
  const { NOTICE_WEBHOOK_URL: url, NOTICE_WEBHOOK_SECRET: secret = "", NOTICE_WAITING_MS: waitingMs } = config;
  const key = webhookKeyOf(secret);
  if (url === undefined || key === undefined) return undefined;
  const webhook = createWebhook({ url, secret: key });
  life.use("the receiver of notices", webhook.close);
  const count = createNoticeFigures(figures);
  const worker = startNoticeWorker({
    ...redisAddress(config),
    texts: bus.texts,
    ...{ lockDurationMs: config.LOCK_MS, stalledIntervalMs: config.STALLED_CHECK_MS, log },
    send: createSend({ bus, webhook, count }),
    onGivenUp: (job) => count(job, "given_up"),
  });
  life.use("notices", () => worker.close(closeMs));
  return createAsking({ queue: createNoticeQueue({ redis, texts: bus.texts, log }), waitingMs, count, log });
}

type Count = ReturnType<typeof createNoticeFigures>;

/** `stale` and `needless`: it is sent to nobody. */
export function createNoticeFigures(registry: Registry) {
  const notices = new Counter({
    name: "parley_tool_notices_total",
    help: "Notices to people who are away, by kind and by what became of them here: made (of a call that waits for somebody), lost as Redis was away, sent, failed (a try), given up, stale (an hour old), or needless as it was decided meanwhile.",
    labelNames: ["kind", "result"],
    registers: [registry],
  });
  type Result = "made" | "lost" | "sent" | "failed" | "given_up" | "stale" | "needless";
  return ({ notice }: Pick<NoticeJob, "notice">, result: Result): void => notices.inc({ kind: notice.type, result });
}

interface SendDeps {
  readonly bus: NoticeParts["bus"];
  readonly webhook: Pick<Webhook, "send">;
  readonly count: Count;
}

function createSend({ bus, webhook, count }: SendDeps) {
  /** Whether a question still waits for the one who is told; what is no question always does. */
  const stillWaits = async ({ notice, turn_id: turn }: NoticeJob): Promise<boolean> => {
    const { conversation_id: conversation, call_id: call } = notice;
    if (notice.type !== "waiting" || turn === undefined || call === undefined) return notice.type !== "waiting";
    const address = { conversation, turn, call };
    const [asked, decided] = await Promise.all([
      bus.facts.readStored("asked", address),
      bus.facts.readStored("decided", address),
    ]);
    // Not there: its conversation was deleted.
    if (decided !== undefined || asked?.fact.kind !== "asked") return false;
    // Somebody else has to agree.
    return asked.fact.four_eyes !== true && asked.fact.expires_at > Date.now();
  };
  return async (id: string, job: NoticeJob, signal: AbortSignal): Promise<void> => {
    if (Date.now() - job.notice.at > staleMs) return count(job, "stale");
    if (!(await stillWaits(job))) return count(job, "needless");
    try {
      await webhook.send(id, job.notice, signal);
    } catch (error) {
      count(job, "failed");
      throw error;
    }
    count(job, "sent");
  };
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
