import { useCallback, useMemo, useSyncExternalStore } from "react";
import { useApi } from "../api/use-api.ts";
import type { FileCalls } from "../api/file-calls.ts";
import { attachmentsOf, type Attachments, type AttachmentsView, type UploadingCalls } from "./attachments.ts";

/** What the box knows of its files; undefined: messages are of text alone here. */
export interface BoxFiles extends AttachmentsView, Pick<Attachments, "add" | "remove" | "retry" | "clear"> {
  /** All that is there has arrived, so it can be sent. */
  readonly areReady: boolean;
}

const nothing: AttachmentsView = { items: [], leftOut: 0 };

export function useAttachments(conversationId: string): BoxFiles | undefined {
  const { files } = useApi();
  const attachments = useMemo(
    () => (files !== undefined && mayUpload(files) ? attachmentsOf(files, conversationId) : undefined),
    [files, conversationId],
  );
  const subscribe = useCallback(
    (listener: () => void) => attachments?.subscribe(listener) ?? (() => undefined),
    [attachments],
  );
  const read = useCallback(() => attachments?.read() ?? nothing, [attachments]);
  const view = useSyncExternalStore(subscribe, read, read);
  return useMemo(() => {
    if (attachments === undefined) return undefined;
    const { add, remove, retry, clear } = attachments;
    return { ...view, add, remove, retry, clear, areReady: view.items.every(({ state }) => state === "done") };
  }, [attachments, view]);
}

function mayUpload(files: FileCalls): files is UploadingCalls {
  return files.upload !== undefined;
}
