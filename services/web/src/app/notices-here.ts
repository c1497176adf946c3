import type { NewNoticeDevice, NoticeApi } from "../api/notice-calls.ts";
import { browserStorage } from "../settings/text-store.ts";
import { deviceOf } from "./device.ts";

/** Notices in this browser: what its push service and its service worker know, and whose they are. */

/** Under `parley.`: it goes with what else a person leaves here. */
const ownerKey = "parley.notices";

/** `refused`: the person has told the browser so, and only there it can be changed. */
export type NoticesState = "impossible" | "refused" | "off" | "on";

export function canHaveNotices(): boolean {
  return "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
}

/** Somebody else's are none of this person's. */
export async function noticesState(userId: string): Promise<NoticesState> {
  if (!canHaveNotices()) return "impossible";
  if (Notification.permission === "denied") return "refused";
  return (await subscription()) !== undefined && owner() === userId ? "on" : "off";
}

/** Asks the person, then the push service, then the server. False: the person, or the browser, does not want it. */
export async function beginNotices(api: NoticeApi, { userId, pushKey, language }: Beginning): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const found = await subscription();
  // Somebody else's, or of another key of the server: both would tell the wrong thing.
  if (found !== undefined && (owner() !== userId || !isOfKey(found, pushKey))) await found.unsubscribe();
  const registration = await navigator.serviceWorker.register("/notices.js", { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  const asked = { userVisibleOnly: true, applicationServerKey: bytesOf(pushKey) };
  const made = (await registration.pushManager.getSubscription()) ?? (await registration.pushManager.subscribe(asked));
  await api.addNoticeDevice(told(made, language));
  browserStorage("localStorage")?.setItem(ownerKey, userId);
  return true;
}

export interface Beginning {
  readonly userId: string;
  readonly pushKey: string;
  readonly language: string;
}

/** On this browser alone. */
export async function endNotices(api: NoticeApi): Promise<void> {
  await removeDevice(api);
  await dropNotices();
}

/** The server forgets it; the browser goes on to know its push service. */
export async function removeDevice(api: NoticeApi): Promise<void> {
  const found = await subscription();
  if (found !== undefined) await api.removeNoticeDevice(await deviceIdOf(found.endpoint));
}

/** When somebody signs out, or has become somebody else: the push service then says of it that it is gone. */
export async function dropNotices(): Promise<void> {
  browserStorage("localStorage")?.removeItem(ownerKey);
  await (await subscription())?.unsubscribe();
}

/** What the server knows of this browser grows old: its token, its language, its key. Tells it anew what is so now. */
export async function renewNotices(api: NoticeApi, { userId, language }: Omit<Beginning, "pushKey">): Promise<void> {
  if (!canHaveNotices() || (await subscription()) === undefined) return;
  if (owner() !== userId) return dropNotices();
  const pushKey = (await api.notices())?.pushKey;
  if (pushKey !== undefined && Notification.permission === "granted")
    await beginNotices(api, { userId, pushKey, language });
}

/** What is shown of a conversation goes when that is opened. */
export async function closeNoticesOf(path: string): Promise<void> {
  for (const one of (await (await registered())?.getNotifications()) ?? []) if (isAt(one.data, path)) one.close();
}

/** As the server names it. */
export async function deviceIdOf(endpoint: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return `d_${base64url(new Uint8Array(hash)).slice(0, 22)}`;
}

export async function ownDeviceId(): Promise<string | undefined> {
  const found = await subscription();
  return found === undefined ? undefined : deviceIdOf(found.endpoint);
}

const registered = (): Promise<ServiceWorkerRegistration | undefined> => navigator.serviceWorker.getRegistration("/");

async function subscription(): Promise<PushSubscription | undefined> {
  return (await (await registered())?.pushManager.getSubscription()) ?? undefined;
}

function owner(): string | undefined {
  return browserStorage("localStorage")?.getItem(ownerKey) ?? undefined;
}

function told(made: PushSubscription, language: string): NewNoticeDevice {
  const { p256dh = "", auth = "" } = made.toJSON().keys ?? {};
  const known = deviceOf(navigator.userAgent);
  const name = known === undefined ? {} : { name: `${known.browser}, ${known.system}` };
  return { endpoint: made.endpoint, keys: { p256dh, auth }, language, ...name };
}

function isOfKey({ options: { applicationServerKey: key } }: PushSubscription, pushKey: string): boolean {
  return key === null || base64url(new Uint8Array(key)) === pushKey;
}

function isAt(data: unknown, path: string): boolean {
  return typeof data === "object" && data !== null && "path" in data && data.path === path;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
