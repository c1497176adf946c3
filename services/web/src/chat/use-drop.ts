import { useRef, useState, type DragEvent } from "react";
import type { BoxFiles } from "./use-attachments.ts";

/** Files that are dropped anywhere on the pane. Texts and links go where they are dropped, as ever. */
export function useDrop(files: BoxFiles | undefined) {
  const [isOver, setOver] = useState(false);
  /** Each element below is entered and left as well. */
  const depth = useRef(0);
  const end = (): void => {
    depth.current = 0;
    setOver(false);
  };
  if (files === undefined) return { isOver: false, handlers: {} };
  const only = (act: (event: DragEvent) => void) => (event: DragEvent) => {
    if (event.dataTransfer.types.includes("Files")) act(event);
  };
  const handlers = {
    onDragEnter: only((event) => {
      event.preventDefault();
      depth.current += 1;
      setOver(true);
    }),
    onDragOver: only((event) => event.preventDefault()),
    onDragLeave: only(() => {
      depth.current -= 1;
      if (depth.current <= 0) end();
    }),
    onDrop: only((event) => {
      // Else the browser would open it in place of the page.
      event.preventDefault();
      end();
      files.add(filesIn(event.dataTransfer));
    }),
  };
  return { isOver, handlers };
}

/** Folders are none. */
export function filesIn({ items, files }: DataTransfer): File[] {
  const entries = [...items].filter(({ kind }) => kind === "file");
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry?.()?.isDirectory === true;
  if (!entries.some(isFolder)) return [...files];
  return entries.filter((item) => !isFolder(item)).flatMap((item) => item.getAsFile() ?? []);
}
