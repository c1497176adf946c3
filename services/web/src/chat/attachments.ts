import { limits, type FilePart } from "@parley/protocol/fold";
import type { FileCalls } from "../api/file-calls.ts";
import { browserStorage, createTextStore } from "../settings/text-store.ts";
import { keptParts, noteRemoved, uploadIdOf } from "./attachment-names.ts";

/** A file that stands beside the box: on its way (`sent` of `bytes`), there, or not taken. */
export interface Attachment {
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
  readonly mediaType: string;
  readonly state: "uploading" | "done" | "failed";
  readonly sent: number;
  readonly part?: FilePart;
  /** Undefined where it may be tried again without asking why. */
  readonly problem?: AttachmentProblem;
}

/** `failed`: what was thrown. */
export type AttachmentProblem =
  | { readonly kind: "empty" }
  | { readonly kind: "tooLarge"; readonly most: number }
  | { readonly kind: "failed"; readonly error: unknown };

export interface Attachments {
  readonly read: () => AttachmentsView;
  readonly subscribe: (listener: () => void) => () => void;
  /** What is above the number of files that a message takes is left out, and that is said. */
  readonly add: (files: readonly File[]) => void;
  readonly remove: (key: string) => void;
  readonly retry: (key: string) => void;
  /** They were sent: what they are is the message's now. */
  readonly clear: () => void;
}

export interface AttachmentsView {
  readonly items: readonly Attachment[];
  /** So many were left out, as a message takes no more. */
  readonly leftOut: number;
}

/** Of a server to which files may be brought. */
export type UploadingCalls = FileCalls & Required<Pick<FileCalls, "upload">>;

interface Uploading {
  readonly file: File;
  readonly controller: AbortController;
}

/** The files of a conversation's box. They stay, and go on, while another conversation is looked at; what has arrived also stays over a reload. */
export function createAttachments(files: UploadingCalls, conversationId: string): Attachments {
  const store = createTextStore(browserStorage("sessionStorage"));
  const storeKey = `parley.attached.${conversationId}`;
  const listeners = new Set<() => void>();
  const running = new Map<string, Uploading>();
  let times = 0;
  let view: AttachmentsView = { items: keptParts(store.read(storeKey)).map(itemOf), leftOut: 0 };
  const set = (items: readonly Attachment[], leftOut = 0): void => {
    view = { items, leftOut };
    const done = items.flatMap(({ part }) => (part === undefined ? [] : [part]));
    store.write(storeKey, done.length === 0 ? undefined : JSON.stringify(done));
    for (const listener of listeners) listener();
  };
  const change = (key: string, to: Partial<Attachment>): void => {
    if (view.items.some((one) => one.key === key))
      set(
        view.items.map((one) => (one.key === key ? { ...one, ...to } : one)),
        view.leftOut,
      );
  };
  const start = async (key: string, file: File): Promise<void> => {
    const controller = new AbortController();
    running.set(key, { file, controller });
    try {
      const most = await files.maxBytes();
      if (file.size === 0) return change(key, { state: "failed", problem: { kind: "empty" } });
      if (most !== undefined && file.size > most)
        return change(key, { state: "failed", problem: { kind: "tooLarge", most } });
      const onProgress = (sent: number): void => change(key, { sent });
      const how = { id: uploadIdOf(conversationId, file, key), onProgress, signal: controller.signal };
      const part = await files.upload(file, how);
      if (controller.signal.aborted) return;
      change(key, { state: "done", part, sent: part.bytes, name: part.name, mediaType: part.media_type });
    } catch (error) {
      if (!controller.signal.aborted) change(key, { state: "failed", problem: { kind: "failed", error } });
    }
  };
  return {
    read: () => view,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    add(added) {
      const room = limits.filesPerMessage - view.items.length;
      const taken = added.slice(0, Math.max(0, room)).map((file) => ({ key: `a${times++}`, file }));
      set([...view.items, ...taken.map(({ key, file }) => beginning(key, file))], added.length - taken.length);
      for (const { key, file } of taken) void start(key, file);
    },
    remove(key) {
      const item = view.items.find((one) => one.key === key);
      const under = running.get(key);
      if (under !== undefined) noteRemoved(conversationId, under.file);
      under?.controller.abort();
      running.delete(key);
      set(view.items.filter((one) => one.key !== key));
      // What cannot be taken back now, the server does in a day.
      if (item?.part !== undefined) files.remove(item.part.file_id).catch(() => undefined);
    },
    retry(key) {
      const file = running.get(key)?.file;
      const item = view.items.find((one) => one.key === key);
      if (file === undefined || item?.state !== "failed") return;
      const { problem: _, ...rest } = item;
      set(view.items.map((one) => (one.key === key ? { ...rest, state: "uploading" } : one)));
      void start(key, file);
    },
    clear() {
      running.clear();
      set([]);
    },
  };
}

function beginning(key: string, { name, size, type }: File): Attachment {
  return { key, name, bytes: size, mediaType: type, state: "uploading", sent: 0 };
}

function itemOf(part: FilePart): Attachment {
  const { file_id: key, name, bytes, media_type: mediaType } = part;
  return { key, name, bytes, mediaType, state: "done", sent: bytes, part };
}

const opened = new WeakMap<UploadingCalls, Map<string, Attachments>>();
/** Boxes with files that are remembered at once. */
const mostOpen = 50;

/** The same one as long as the page is open. */
export function attachmentsOf(files: UploadingCalls, conversationId: string): Attachments {
  let ofFiles = opened.get(files);
  if (ofFiles === undefined) opened.set(files, (ofFiles = new Map()));
  let found = ofFiles.get(conversationId);
  if (found === undefined) {
    for (const [id, one] of ofFiles) if (ofFiles.size >= mostOpen && one.read().items.length === 0) ofFiles.delete(id);
    ofFiles.set(conversationId, (found = createAttachments(files, conversationId)));
  }
  return found;
}
