import type { Bus, NoticeChoice } from "@parley/bus";
import { isWanted, type NoticeJob } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Devices } from "./devices.ts";
import { staleMs, type Count } from "./figures.ts";
import type { Webhook } from "./webhook.ts";

export interface SendDeps {
  readonly bus: Pick<Bus, "facts" | "noticeRecords">;
  readonly webhook: Pick<Webhook, "send"> | undefined;
  readonly devices: Pick<Devices, "add"> | undefined;
  readonly count: Count;
  readonly log: Logger;
}

/** Sends a notice that is due: to the deployment's own service, and as a job of its own to each device of whoever is told. */
export function createSend({ bus, webhook, devices, count, log }: SendDeps) {
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
  const choiceOf = async (userId: string): Promise<NoticeChoice | undefined> => {
    try {
      return await bus.noticeRecords.of(userId);
    } catch (err) {
      // The broker's roles may be those of before there was such a choice: what was sent then is sent now.
      log.warn({ err }, "what a user wants to be told cannot be looked up: the notice goes to the webhook alone");
      return undefined;
    }
  };
  const viaWebhook = async (id: string, job: NoticeJob, signal: AbortSignal): Promise<void> => {
    if (webhook === undefined) return;
    try {
      await webhook.send(id, job.notice, signal);
    } catch (error) {
      count(job, "failed");
      throw error;
    }
    count(job, "sent");
  };
  return async (id: string, job: NoticeJob, signal: AbortSignal): Promise<void> => {
    const { notice } = job;
    if (Date.now() - notice.at > staleMs) return count(job, "stale");
    if (!(await stillWaits(job))) return count(job, "needless");
    const choice = await choiceOf(notice.user_id);
    if (choice !== undefined && !isWanted(notice.type, choice.wants)) return count(job, "unwanted");
    // First: a worker that is killed in between adds the same jobs again, which changes nothing.
    if (choice !== undefined) await devices?.add(job, choice.devices);
    await viaWebhook(id, job, signal);
  };
}
