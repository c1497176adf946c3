import type { FilePart } from "@parley/protocol/fold";
import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { ApiError } from "../api/api-error.ts";
import type { FileCalls } from "../api/file-calls.ts";
import { useApi } from "../api/use-api.ts";

export type ShownFile =
  | { readonly state: "unasked" | "loading" | "gone" }
  /** `url`: of the bytes in this page, as long as it is shown. */
  | { readonly state: "there"; readonly url: string }
  | { readonly state: "failed"; readonly error: unknown };

/** The bytes of a file, with what the person is signed in by. `isShown`: they are loaded as soon as its place comes near the screen. */
export function useFile(part: FilePart, isShown: boolean) {
  const { files } = useApi();
  const place = useRef<HTMLElement>(null);
  const [file, setFile] = useState<ShownFile>({ state: "unasked" });
  const [isWanted, setWanted] = useState(false);
  const { file_id: id, media_type: type, name } = part;
  useNear(place, isShown, setWanted);
  useEffect(() => {
    if (!isWanted || files === undefined) return undefined;
    const controller = new AbortController();
    let url: string | undefined;
    files.bytes(id, controller.signal).then(
      (blob) => {
        if (controller.signal.aborted) return;
        // Never as what the answer says it is: an image is an image here, or it is not shown.
        url = URL.createObjectURL(new Blob([blob], { type }));
        setFile({ state: "there", url });
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setFile(failureOf(error));
      },
    );
    return () => {
      controller.abort();
      if (url !== undefined) URL.revokeObjectURL(url);
    };
  }, [files, id, type, isWanted]);
  const load = useCallback(() => setWanted(true), []);
  const save = useCallback(async () => {
    if (files === undefined) return;
    await saveAs(files, id, name).catch((error: unknown) => setFile(failureOf(error)));
  }, [files, id, name]);
  return { file, place, load, save };
}

function failureOf(error: unknown): ShownFile {
  const isGone = error instanceof ApiError && (error.status === 404 || error.status === 410);
  return isGone ? { state: "gone" } : { state: "failed", error };
}

/** Long conversations have many files, of which few are looked at. */
function useNear(place: RefObject<HTMLElement | null>, isAsked: boolean, onNear: (isNear: true) => void): void {
  useEffect(() => {
    const element = place.current;
    if (!isAsked || element === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        onNear(true);
      },
      { rootMargin: "400px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [place, isAsked, onNear]);
}

/** As bytes alone: whatever it is, the browser saves it and opens nothing. */
async function saveAs(files: FileCalls, id: string, name: string): Promise<void> {
  const blob = await files.bytes(id);
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
