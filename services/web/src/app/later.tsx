import { useEffect, useState, type ComponentType, type ReactNode } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { useWords } from "../words/use-words.ts";

/** Where it stands: a dialog can be closed, a pane has the beginning of its header. */
interface Place {
  readonly onClose?: () => void;
  readonly headerStart?: ReactNode;
}

export interface Later<Props> {
  readonly Part: ComponentType<Props>;
  /** Loads it before anybody asks for it. Rejects when it cannot be had. */
  readonly load: () => Promise<void>;
}

/**
 * A part of the page that is a file of its own. Without a network it cannot be had, and a server of another version has files of other names: that is told in its
 * place, and the next opening tries again. (`lazy` of React would fail for ever, and take all with it that stands around the part.)
 */
export function later<Props extends Place>(loadPart: () => Promise<ComponentType<Props>>): Later<Props> {
  let loaded: ComponentType<Props> | undefined;
  const load = async (): Promise<void> => {
    loaded ??= await loadPart();
  };
  function Part(props: Props) {
    const [state, setState] = useState<"loading" | "there" | "missing">(loaded === undefined ? "loading" : "there");
    useEffect(() => {
      if (state !== "loading") return undefined;
      let isGone = false;
      load().then(
        () => !isGone && setState("there"),
        () => !isGone && setState("missing"),
      );
      return () => {
        isGone = true;
      };
    }, [state]);
    if (state === "missing") return <Missing {...props} />;
    const Loaded = loaded;
    return Loaded === undefined ? null : <Loaded {...props} />;
  }
  return { Part, load };
}

function Missing({ onClose, headerStart }: Place) {
  const { app } = useWords();
  const { partTitle, partText, reload } = app.failure;
  const again = (
    <button type="button" className="ui-button ui-button-primary" onClick={() => location.reload()}>
      {reload}
    </button>
  );
  if (onClose === undefined) {
    return (
      <>
        <header className="app-header">{headerStart}</header>
        <div className="app-message" role="alert">
          <h1 className="app-message-title">{partTitle}</h1>
          <p>{partText}</p>
          {again}
        </div>
      </>
    );
  }
  return (
    <Dialog
      title={partTitle}
      onClose={onClose}
      actions={
        <>
          <button type="button" className="ui-button" onClick={onClose}>
            {app.close}
          </button>
          {again}
        </>
      }
    >
      <p>{partText}</p>
    </Dialog>
  );
}
