import { useLayoutEffect, useRef, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";

interface ModalProps {
  readonly className: string;
  /** Its name; or the id of the element that has it. */
  readonly label?: string;
  readonly labelledBy?: string;
  /** Esc, a click beside it, a phone's back gesture. Undefined: it has to be answered. */
  readonly onClose?: (() => void) | undefined;
  readonly children: ReactNode;
}

/**
 * A modal box where it stands, also inside a shadow root; it is open as long as it is rendered, and the focus goes back when it is gone. The browser itself
 * keeps the focus in it.
 */
export function Modal({ className, label, labelledBy, onClose, children }: ModalProps) {
  const place = useRef<HTMLDialogElement>(null);
  const isLeaving = useRef(false);
  useLayoutEffect(() => {
    const dialog = place.current;
    isLeaving.current = false;
    if (dialog?.open === false) dialog.showModal();
    return () => {
      // Closed before it is taken away: only so does the browser give the focus back.
      isLeaving.current = true;
      dialog?.close();
    };
  }, []);
  // None of a dialog inside it is its own.
  const isOwn = ({ target }: { readonly target: EventTarget }): boolean => target === place.current;
  return (
    <dialog
      ref={place}
      className={className}
      aria-label={label}
      aria-labelledby={labelledBy}
      onCancel={(event) => {
        if (!isOwn(event)) return;
        // It is gone when whoever shows it says so.
        event.preventDefault();
        onClose?.();
      }}
      onClose={(event) => {
        // Told by the browser a task later: a strict mode, which takes everything out and puts it back, has opened it again by then.
        if (!isOwn(event) || isLeaving.current || event.currentTarget.open) return;
        // A phone's back gesture closes it without asking.
        if (onClose === undefined) event.currentTarget.showModal();
        else onClose();
      }}
      onKeyDown={(event) => closeByKey(event, onClose)}
      onClick={(event) => {
        if (isOwn(event) && isBeside(event)) onClose?.();
      }}
    >
      {children}
    </dialog>
  );
}

function closeByKey(event: KeyboardEvent, onClose: (() => void) | undefined): void {
  if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
  // Chromium closes at the second Esc whatever `cancel` says.
  event.preventDefault();
  event.stopPropagation();
  onClose?.();
}

/** A click on the backdrop is one on the dialog, at a place that it does not cover. */
function isBeside({ currentTarget, clientX, clientY }: MouseEvent<HTMLElement>): boolean {
  const { left, right, top, bottom } = currentTarget.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
