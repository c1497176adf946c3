import { limits, type FilePart } from "@parley/protocol/fold";
import type { FileCalls, UploadHow } from "../api/file-calls.ts";
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

/** What is shown of a box; what has arrived is kept by the tab. */
function createBox(conversationId: string) {
  const store = createTextStore(browserStorage("sessionStorage"));
  const storeKey = `parley.attached.${conversationId}`;
  const listeners = new Set<() => void>();
  let view: AttachmentsView = { items: keptParts(store.read(storeKey)).map(itemOf), leftOut: 0 };
  const set = (items: readonly Attachment[], leftOut = 0): void => {
    view = { items, leftOut };
    const done = items.flatMap(({ part }) => (part === undefined ? [] : [part]));
    store.write(storeKey, done.length === 0 ? undefined : JSON.stringify(done));
    for (const listener of listeners) listener();
  };
  const find = (key: string): Attachment | undefined => view.items.find((one) => one.key === key);
  return {
    set,
    find,
    read: () => view,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** One that was removed meanwhile is not there again. */
    change(key: string, to: (item: Attachment) => Attachment): void {
      if (find(key) === undefined) return;
      set(
        view.items.map((one) => (one.key === key ? to(one) : one)),
        view.leftOut,
      );
    },
  };
}

/** The files of a conversation's box. They stay, and go on, while another conversation is looked at; what has arrived also stays over a reload. */
function createAttachments(files: UploadingCalls, conversationId: string): Attachments {
  const box = createBox(conversationId);
  const { set, find, read } = box;
  const running = new Map<string, Uploading>();
  let times = 0;
  const start = async (key: string, file: File): Promise<void> => {
    const controller = new AbortController();
    running.set(key, { file, controller });
    const { signal } = controller;
    const onProgress = (sent: number): void => box.change(key, (item) => ({ ...item, sent }));
    const how = { id: uploadIdOf(conversationId, file, key), onProgress, signal };
    const end = await bring(files, file, how).catch((error: unknown) => ({ kind: "failed" as const, error }));
    if (!signal.aborted) box.change(key, (item) => ended(item, end));
  };
  return {
    read,
    subscribe: box.subscribe,
    add(added) {
      const { items } = read();
      const room = Math.max(0, limits.filesPerMessage - items.length);
      const taken = added.slice(0, room).map((file) => ({ key: `a${times++}`, file }));
      set([...items, ...taken.map(({ key, file }) => beginning(key, file))], added.length - taken.length);
      for (const { key, file } of taken) void start(key, file);
    },
    remove(key) {
      const part = find(key)?.part;
      const under = running.get(key);
      if (under !== undefined) noteRemoved(conversationId, under.file);
      under?.controller.abort();
      running.delete(key);
      set(read().items.filter((one) => one.key !== key));
      // What cannot be taken back now, the server does in a day.
      if (part !== undefined) files.remove(part.file_id).catch(() => undefined);
    },
    retry(key) {
      const file = running.get(key)?.file;
      if (file === undefined || find(key)?.state !== "failed") return;
      box.change(key, () => beginning(key, file));
      void start(key, file);
    },
    clear() {
      running.clear();
      set([]);
    },
  };
}

/** What is no file to be sent is not sent. Throws what the upload throws. */
async function bring(files: UploadingCalls, file: File, how: UploadHow): Promise<FilePart | AttachmentProblem> {
  if (file.size === 0) return { kind: "empty" };
  const most = await files.maxBytes();
  return most !== undefined && file.size > most ? { kind: "tooLarge", most } : files.upload(file, how);
}

function ended(item: Attachment, end: FilePart | AttachmentProblem): Attachment {
  return "kind" in end ? { ...item, state: "failed", problem: end } : { ...itemOf(end), key: item.key };
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
  if (ofFiles === undefined) opened.set(files, (ofFiles = new Map<string, Attachments>()));
  let found = ofFiles.get(conversationId);
  if (found === undefined) {
    for (const [id, one] of ofFiles) if (ofFiles.size >= mostOpen && one.read().items.length === 0) ofFiles.delete(id);
    ofFiles.set(conversationId, (found = createAttachments(files, conversationId)));
  }
  return found;
}
