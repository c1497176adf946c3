import { useState, type DragEvent } from "react";
import type { BoxFiles } from "./use-attachments.ts";

/** Files that are dropped anywhere on the pane. Texts and links go where they are dropped, as ever. */
export function useDrop(files: BoxFiles | undefined) {
  const [isOver, setOver] = useState(false);
  if (files === undefined) return { isOver: false, handlers: {} };
  const only = (act: (event: DragEvent) => void) => (event: DragEvent) => {
    if (event.dataTransfer.types.includes("Files")) act(event);
  };
  const over = only((event) => {
    event.preventDefault();
    setOver(true);
  });
  const handlers = {
    onDragEnter: over,
    onDragOver: over,
    onDragLeave: only(({ relatedTarget: to, currentTarget: pane }) => {
      // Each element below is left as well.
      if (!(to instanceof Node) || !pane.contains(to)) setOver(false);
    }),
    onDrop: only((event) => {
      // Else the browser would open it in place of the page.
      event.preventDefault();
      setOver(false);
      files.add(filesIn(event.dataTransfer));
    }),
  };
  return { isOver, handlers };
}

/** Folders are none. */
function filesIn({ items, files }: DataTransfer): File[] {
  const entries = [...items].filter(({ kind }) => kind === "file");
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry?.()?.isDirectory === true;
  if (!entries.some(isFolder)) return [...files];
  return entries.filter((item) => !isFolder(item)).flatMap((item) => item.getAsFile() ?? []);
}
