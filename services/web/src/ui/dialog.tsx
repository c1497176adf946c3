import { useId, type ReactNode } from "react";
import { Modal } from "./modal.tsx";

interface DialogProps {
  readonly title: ReactNode;
  readonly children: ReactNode;
  /** Buttons below it. */
  readonly actions?: ReactNode;
  /** Esc, a click beside it. Undefined: it has to be answered. */
  readonly onClose?: (() => void) | undefined;
  readonly className?: string;
}

/** A modal box with a title and buttons. */
export function Dialog({ title, children, actions, onClose, className = "" }: DialogProps) {
  const titleId = useId();
  return (
    <Modal className={`ui-dialog ${className}`} labelledBy={titleId} onClose={onClose}>
      <h2 id={titleId} className="ui-dialog-title">
        {title}
      </h2>
      {children}
      {actions !== undefined && <div className="ui-dialog-actions">{actions}</div>}
    </Modal>
  );
}
