import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

interface RenameFieldProps {
  readonly title: string;
  readonly rename: (title: string) => Promise<void>;
  /** `byKey`: the focus goes back to where it came from. */
  readonly onDone: (byKey: boolean) => void;
}

/** The title in its place, to be written anew: Enter keeps it, Esc does not, and to leave it keeps it too. */
export function RenameField(props: RenameFieldProps) {
  const { list } = useWords().app;
  const sentenceOf = useErrorSentence();
  const errorId = useId();
  const field = useRef<HTMLInputElement>(null);
  const { text, setText, error, isBusy, save, end } = useRenaming(props);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") void save(true);
    if (event.key !== "Escape") return;
    event.preventDefault();
    end(true);
  };
  return (
    <div className="list-rename">
      <input
        ref={field}
        className="ui-field list-rename-field"
        aria-label={list.renameName(props.title)}
        aria-invalid={error !== undefined}
        aria-describedby={error === undefined ? undefined : errorId}
        value={text}
        maxLength={200}
        readOnly={isBusy}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => void save(false)}
        onKeyDown={onKeyDown}
      />
      {error !== undefined && (
        <p id={errorId} className="ui-error" role="alert">
          {list.renameFailed(sentenceOf(error))}
        </p>
      )}
    </div>
  );
}

function useRenaming({ title, rename, onDone }: RenameFieldProps) {
  const [text, setText] = useState(title);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  /** The field is left by Enter and Esc too: that is no second answer. */
  const isOver = useRef(false);

  const end = (byKey: boolean): void => {
    isOver.current = true;
    onDone(byKey);
  };
  const save = async (byKey: boolean): Promise<void> => {
    if (isOver.current || isBusy) return;
    const wanted = text.trim();
    if (wanted === "" || wanted === title) return end(byKey);
    setBusy(true);
    try {
      await rename(wanted);
      end(byKey);
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return { text, setText, error, isBusy, save, end };
}
