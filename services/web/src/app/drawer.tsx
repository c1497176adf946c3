import { useLayoutEffect, useRef, type ReactNode } from "react";

interface DrawerProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** The sidebar of a phone: a modal dialog at the edge, so the browser itself keeps the focus in it, closes it by Esc and gives the focus back. */
export function Drawer({ label, onClose, children }: DrawerProps) {
  const place = useRef<HTMLDialogElement>(null);
  // Closed before it is taken away: only so does the browser give the focus back.
  useLayoutEffect(() => {
    const dialog = place.current;
    if (dialog?.open === false) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={place}
      className="app-drawer"
      aria-label={label}
      onCancel={(event) => {
        // One of a dialog inside it is none of its own.
        if (event.target !== place.current) return;
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // The backdrop is the dialog itself.
        if (event.target === place.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
