import { useEffect, useEffectEvent, useRef, type FocusEvent } from "react";

/**
 * For a box whose content comes and goes: what has the focus and is taken away gives it to nobody, and whoever works with the keyboard is nowhere. `onLost` is
 * called then. Returns the properties of the box.
 */
export function useKeptFocus(onLost: () => void) {
  const box = useRef<HTMLDivElement>(null);
  const focused = useRef<Element | null>(null);
  const lost = useEffectEvent(onLost);
  useEffect(() => {
    if (focused.current === null || focused.current.isConnected) return;
    // React tells of no focus and no blur that it causes itself when it puts in and takes away.
    focused.current = focusedIn(box.current);
    if (focused.current === null) lost();
  });
  return {
    ref: box,
    onFocus: ({ target }: FocusEvent) => {
      focused.current = target;
    },
    onBlur: () => {
      focused.current = null;
    },
  };
}

function focusedIn(box: Element | null): Element | null {
  const root = box?.getRootNode();
  const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return box?.contains(active) === true ? active : null;
}
