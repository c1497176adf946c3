import { createContext, use, useEffect, useLayoutEffect, useRef } from "react";

type Selected = Pick<Selection, "anchorNode" | "anchorOffset" | "focusNode" | "focusOffset">;

/** `<SelectionRoot value={root}>`: the shadow root in which texts are shown, of which the document tells nothing by itself. */
export const SelectionRoot = createContext<ShadowRoot | undefined>(undefined);

/**
 * To be called by what is drawn again whenever its text has grown. Such a text is set anew in its node, and the browser then forgets what of it somebody had
 * selected: puts that back before it is painted.
 */
export function useKeptSelection(isStreaming: boolean): void {
  const root = use(SelectionRoot);
  const before = useRef<Selected>(undefined);
  useEffect(() => {
    if (!isStreaming) return undefined;
    const note = (): void => {
      const now = endsOf(root);
      const isNothing = now === undefined || (now.anchorNode === now.focusNode && now.anchorOffset === now.focusOffset);
      before.current = isNothing ? undefined : now;
    };
    note();
    document.addEventListener("selectionchange", note);
    return () => {
      document.removeEventListener("selectionchange", note);
      before.current = undefined;
    };
  }, [isStreaming, root]);
  useLayoutEffect(() => {
    if (before.current !== undefined) restore(before.current, endsOf(root));
  });
}

function endsOf(root: ShadowRoot | undefined): Selected | undefined {
  const selection = document.getSelection();
  if (selection === null) return undefined;
  if (root === undefined) {
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    return { anchorNode, anchorOffset, focusNode, focusOffset };
  }
  // Not in the browsers of before 2025.
  const [range] = selection.getComposedRanges?.({ shadowRoots: [root] }) ?? [];
  if (range === undefined) return undefined;
  const { startContainer, startOffset, endContainer, endOffset } = range;
  return selection.direction === "backward"
    ? { anchorNode: endContainer, anchorOffset: endOffset, focusNode: startContainer, focusOffset: startOffset }
    : { anchorNode: startContainer, anchorOffset: startOffset, focusNode: endContainer, focusOffset: endOffset };
}

/** Only what the setting has moved to the node's beginning; whoever has selected something else meanwhile keeps that. */
function isReset(was: Selected, now: Selected): boolean {
  if (now.anchorNode !== was.anchorNode || now.focusNode !== was.focusNode) return false;
  const lost = [now.anchorOffset, now.focusOffset].filter(
    (offset, end) => offset !== (end === 0 ? was.anchorOffset : was.focusOffset),
  );
  return lost.length > 0 && lost.every((offset) => offset === 0);
}

function restore(was: Selected, now: Selected | undefined): void {
  if (now === undefined || !isReset(was, now)) return;
  if (!fits(was.anchorNode, was.anchorOffset) || !fits(was.focusNode, was.focusOffset)) return;
  document.getSelection()?.setBaseAndExtent(was.anchorNode, was.anchorOffset, was.focusNode, was.focusOffset);
}

function fits(node: Node | null, offset: number): node is Node {
  return node instanceof Text && offset <= node.length;
}
