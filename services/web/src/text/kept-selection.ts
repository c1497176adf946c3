import { useEffect, useLayoutEffect, useRef } from "react";

type Selected = Pick<Selection, "anchorNode" | "anchorOffset" | "focusNode" | "focusOffset">;

/**
 * To be called by what is drawn again whenever its text has grown. Such a text is set anew in its node, and the browser then forgets what of it somebody had
 * selected: puts that back before it is painted. Inside a shadow root the document tells nothing of what is selected there, and nothing is done.
 */
export function useKeptSelection(isStreaming: boolean): void {
  const before = useRef<Selected>(undefined);
  useEffect(() => {
    if (!isStreaming) return undefined;
    const note = (): void => {
      before.current = selected();
    };
    note();
    document.addEventListener("selectionchange", note);
    return () => {
      document.removeEventListener("selectionchange", note);
      before.current = undefined;
    };
  }, [isStreaming]);
  useLayoutEffect(() => {
    if (before.current !== undefined) restore(before.current);
  });
}

function selected(): Selected | undefined {
  const selection = document.getSelection();
  if (selection === null || selection.isCollapsed) return undefined;
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  return { anchorNode, anchorOffset, focusNode, focusOffset };
}

/** Only what the setting has moved to the node's beginning; whoever has selected something else meanwhile keeps that. */
function restore(was: Selected): void {
  const now = document.getSelection();
  if (now === null || now.anchorNode !== was.anchorNode || now.focusNode !== was.focusNode) return;
  const isAnchorLost = now.anchorOffset !== was.anchorOffset;
  const isFocusLost = now.focusOffset !== was.focusOffset;
  if ((!isAnchorLost && !isFocusLost) || (isAnchorLost && now.anchorOffset !== 0)) return;
  if (isFocusLost && now.focusOffset !== 0) return;
  if (!fits(was.anchorNode, was.anchorOffset) || !fits(was.focusNode, was.focusOffset)) return;
  now.setBaseAndExtent(was.anchorNode, was.anchorOffset, was.focusNode, was.focusOffset);
}

function fits(node: Node | null, offset: number): node is Node {
  return node instanceof Text && offset <= node.length;
}
