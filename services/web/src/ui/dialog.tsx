import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

interface DialogProps {
  readonly title: ReactNode;
  readonly children: ReactNode;
  /** Buttons below it. */
  readonly actions?: ReactNode;
  /** Esc, a click beside it. Undefined: it has to be answered. */
  readonly onClose?: (() => void) | undefined;
  readonly className?: string;
}

/** A modal dialog where it stands, also inside a shadow root; it is open as long as it is rendered, and the focus goes back when it is gone. */
export function Dialog({ title, children, actions, onClose, className = "" }: DialogProps) {
  const place = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Closed before it is taken away: only so does the browser give the focus back.
  useLayoutEffect(() => {
    const dialog = place.current;
    if (dialog?.open === false) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={place}
      className={`ui-dialog ${className}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        // It is gone when whoever shows it says so.
        event.preventDefault();
        onClose?.();
      }}
      onClose={() => {
        // A phone's back gesture closes it without asking.
        if (onClose === undefined) place.current?.showModal();
        else onClose();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        // Chromium closes at the second Esc whatever `cancel` says.
        event.preventDefault();
        event.stopPropagation();
        onClose?.();
      }}
      onClick={(event) => {
        if (event.target === place.current && isBeside(place.current, event)) onClose?.();
      }}
    >
      <h2 id={titleId} className="ui-dialog-title">
        {title}
      </h2>
      {children}
      {actions !== undefined && <div className="ui-dialog-actions">{actions}</div>}
    </dialog>
  );
}

/** A click on the backdrop is one on the dialog, at a place that it does not cover. */
function isBeside(dialog: HTMLElement, at: { readonly clientX: number; readonly clientY: number }): boolean {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return at.clientX < left || at.clientX > right || at.clientY < top || at.clientY > bottom;
}
