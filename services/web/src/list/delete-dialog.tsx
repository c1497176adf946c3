import { useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { Dialog } from "../ui/dialog.tsx";
import { useWords } from "../words/use-words.ts";

interface DeleteDialogProps {
  readonly title: string;
  readonly remove: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks once, by name. The safe answer has the focus. */
export function DeleteDialog({ title, remove, onClose }: DeleteDialogProps) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await remove();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={app.list.deleteTitle}
      onClose={isBusy ? undefined : onClose}
      actions={
        <>
          <button type="button" className="ui-button" autoFocus disabled={isBusy} onClick={onClose}>
            {app.cancel}
          </button>
          <button type="button" className="ui-button ui-button-danger" disabled={isBusy} onClick={() => void confirm()}>
            {isBusy ? app.list.deleting : app.list.delete}
          </button>
        </>
      }
    >
      <p className="list-delete-text">{app.list.deleteText(title)}</p>
      {error !== undefined && (
        <p className="ui-error" role="alert">
          {app.list.deleteFailed(sentenceOf(error))}
        </p>
      )}
    </Dialog>
  );
}
