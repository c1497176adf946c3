import { noticeIdOf, type Bus, type NoticeQueue } from "@parley/bus";
import { isWanted, type Notice, type NoticeDevice, type NoticeJob } from "@parley/protocol";
import { staleMs, type Count } from "./figures.ts";
import type { Push } from "./push.ts";

export interface DevicesDeps {
  readonly bus: Pick<Bus, "noticeRecords" | "gate">;
  readonly push: Pick<Push, "send">;
  readonly queue: Pick<NoticeQueue, "add">;
  readonly count: Count;
}

export type Devices = ReturnType<typeof createDevices>;

/** Notices to single devices. Each is looked up again when it is sent: it may have been removed, signed out or revoked since. */
export function createDevices({ bus, push, queue, count }: DevicesDeps) {
  const forget = async (userId: string, { id, endpoint }: NoticeDevice): Promise<void> => {
    await bus.noticeRecords.change(userId, (choice) => {
      const devices = choice.devices.filter((one) => one.id !== id || one.endpoint !== endpoint);
      return devices.length === choice.devices.length ? undefined : { ...choice, devices };
    });
  };
  const isRevoked = ({ session, token_id, token_hash, issued_ms }: NoticeDevice, user: string): Promise<boolean> => {
    const tokens = [token_id, token_hash].filter((one) => one !== undefined);
    return bus.gate.isRevoked({ user, session, tokens, issuedMs: issued_ms });
  };
  const find = async ({ notice, device: id }: NoticeJob): Promise<NoticeDevice | undefined> => {
    const { wants, devices } = await bus.noticeRecords.of(notice.user_id);
    if (!isWanted(notice.type, wants)) return undefined;
    return devices.find((one) => one.id === id && isOf(one, notice));
  };
  return {
    async add({ notice, turn_id }: NoticeJob, devices: readonly NoticeDevice[]): Promise<void> {
      const told = devices.filter((device) => isOf(device, notice));
      const of = turn_id === undefined ? { notice } : { notice, turn_id };
      await Promise.all(told.map(({ id }) => queue.add({ ...of, device: id }, 0)));
    },

    async send(_id: string, job: NoticeJob, signal: AbortSignal): Promise<void> {
      const { notice } = job;
      const { user_id: userId } = notice;
      if (Date.now() - notice.at > staleMs) return count(job, "stale");
      const device = await find(job);
      if (device === undefined) return count(job, "push_gone");
      if (await isRevoked(device, userId)) {
        await forget(userId, device);
        return count(job, "push_revoked");
      }
      const outcome = await push.send(noticeIdOf(notice), notice, device, signal).catch((error: unknown) => {
        count(job, "push_failed");
        throw error;
      });
      if (outcome === "gone") await forget(userId, device);
      count(job, outcome === "gone" ? "push_gone" : "push_sent");
    },
  };
}

/** What is of no tenant is of whoever made it, also since they have one. */
function isOf(device: NoticeDevice, { tenant }: Notice): boolean {
  return tenant === undefined || device.tenant === tenant;
}
