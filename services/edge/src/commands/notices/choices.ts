import { createHash } from "node:crypto";
import type { NoticeChoice, NoticeRecords } from "@parley/bus";
import {
  ChatError,
  NoticeDevice,
  demand,
  limits,
  pushPlaceOf,
  type Caller,
  type May,
  type NoticeWants,
} from "@parley/protocol";
import { createFairGate } from "../../fair-gate.ts";

/** How browsers are sent notices here. */
export interface PushSettings {
  /** By which they know who sends. Undefined: they are sent none. */
  readonly publicKey: string | undefined;
  /** Services that they may name; see `pushHostsIn`. */
  readonly hosts: readonly string[];
}

export interface ChoicesDeps {
  readonly records: NoticeRecords;
  readonly push: PushSettings;
  /** Whether anybody is told anything here. */
  readonly areOn: boolean;
  readonly may: May;
}

/** What a browser says of itself when it asks for notices. */
export interface NewDevice {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  readonly name?: string | undefined;
  readonly language?: string | undefined;
}

/** What somebody is shown of their choice; addresses of devices are secrets. */
export interface ShownChoice {
  readonly enabled: boolean;
  readonly wants: string;
  readonly push_key?: string;
  readonly devices: readonly {
    readonly id: string;
    readonly name?: string;
    readonly added_at: number;
    readonly seen_at: number;
  }[];
}

const changes = { atOnce: 32, perUser: 8 };
/** One that comes again sooner, and is the same, is not written. */
const seenEveryMs = 24 * 3_600_000;

export type NoticeChoices = ReturnType<typeof createNoticeChoices>;

/** What callers want to be told when they are away, and on which of their devices. All of it throws FORBIDDEN for who may not, and OVERLOADED when the broker does not answer. */
export function createNoticeChoices({ records, push, areOn, may }: ChoicesDeps) {
  const enter = createFairGate(changes);
  const shown = (choice: NoticeChoice): ShownChoice => shownOf(choice, push, areOn);
  const change = async (
    caller: Caller,
    next: (choice: NoticeChoice) => NoticeChoice | undefined,
  ): Promise<NoticeChoice> => {
    const { id } = caller.user;
    demand(may(caller, "notices:change", { kind: "user", id }));
    return enter(id, () => records.change(id, next));
  };

  return {
    async read(caller: Caller): Promise<ShownChoice> {
      const { id } = caller.user;
      demand(may(caller, "notices:read", { kind: "user", id }));
      return shown(await enter(id, () => records.of(id)));
    },

    /** Of what they are told, on all their devices. */
    want: async (caller: Caller, wants: NoticeWants): Promise<ShownChoice> =>
      shown(await change(caller, (choice) => (choice.wants === wants ? undefined : { ...choice, wants }))),

    /** One that is there already is renewed. Throws UNSUPPORTED where no device is sent anything, and INVALID_FRAME for an address at none of the services. */
    async add(caller: Caller, device: NewDevice): Promise<ShownChoice> {
      requirePush(push, device);
      const added = deviceOf(caller, device);
      return shown(
        await change(caller, (choice) => {
          const before = choice.devices.find(({ id }) => id === added.id);
          if (before !== undefined && isSame(before, added)) return undefined;
          const others = choice.devices.filter(({ id }) => id !== added.id);
          const kept = others.toSorted((one, other) => other.seen_at - one.seen_at).slice(0, limits.noticeDevices - 1);
          return { ...choice, devices: [...kept, { ...added, added_at: before?.added_at ?? added.added_at }] };
        }),
      );
    },

    /** It is not there then, whether it was or not. */
    async remove(caller: Caller, deviceId: string): Promise<void> {
      await change(caller, (choice) => without(choice, ({ id }) => id === deviceId));
    },

    /** Whoever signs out is told nothing on that device any more. `session` undefined: on none. Not asked of the gate: they may have no other right left. */
    async signedOut(userId: string, session: string | undefined): Promise<void> {
      await records.change(userId, (choice) =>
        without(choice, (device) => session === undefined || device.session === session),
      );
    },
  };
}

function shownOf({ wants, devices }: NoticeChoice, { publicKey }: PushSettings, enabled: boolean): ShownChoice {
  const key = publicKey === undefined ? {} : { push_key: publicKey };
  const told = devices.map(({ id, name, added_at, seen_at }) => {
    const named = name === undefined ? {} : { name };
    return { id, ...named, added_at, seen_at };
  });
  return { enabled, wants, ...key, devices: told };
}

function requirePush({ publicKey, hosts }: PushSettings, { endpoint, keys: { p256dh, auth } }: NewDevice): void {
  if (publicKey === undefined) throw new ChatError("UNSUPPORTED", { message: "No notices are sent to browsers here." });
  if (pushPlaceOf(endpoint, hosts) === undefined)
    throw new ChatError("INVALID_FRAME", { message: "Notices are not sent to this push service." });
  const isPoint = Buffer.from(p256dh, "base64url").length === 65 && Buffer.from(auth, "base64url").length === 16;
  if (!isPoint) throw new ChatError("INVALID_FRAME", { message: "These are not the keys of a browser." });
}

function deviceOf({ tenant, session, credential }: Caller, device: NewDevice): NoticeDevice {
  const { endpoint, keys, name, language } = device;
  const nowMs = Date.now();
  return NoticeDevice.parse({
    id: `d_${createHash("sha256").update(endpoint).digest("base64url").slice(0, 22)}`,
    ...{ endpoint, p256dh: keys.p256dh, auth: keys.auth, added_at: nowMs, seen_at: nowMs },
    ...{ name, language, tenant, session },
    ...{ token_id: credential?.id, token_hash: credential?.hash, issued_ms: credential?.issuedMs },
  });
}

/** Another token of the same sign-in makes it another: it is that one that may be revoked later. */
function isSame(before: NoticeDevice, added: NoticeDevice): boolean {
  const [one, other] = [before, added].map((device) => JSON.stringify({ ...device, added_at: 0, seen_at: 0 }));
  return one === other && added.seen_at - before.seen_at < seenEveryMs;
}

function without(choice: NoticeChoice, isGone: (device: NoticeDevice) => boolean): NoticeChoice | undefined {
  const devices = choice.devices.filter((device) => !isGone(device));
  return devices.length === choice.devices.length ? undefined : { ...choice, devices };
}
