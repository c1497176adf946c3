import { useEffect, useRef, useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { copyText } from "./copy-text.ts";

/** How long it says what came of it. */
const saidMs = 2_000;

/** Copies a text and says so, also to who does not see it. */
export function CopyButton({ text, name }: { readonly text: string; readonly name: string }) {
  const words = useWords().message.text;
  const [said, setSaid] = useState<"copied" | "failed">();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (said === undefined) return undefined;
    const timer = setTimeout(() => setSaid(undefined), saidMs);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (): Promise<void> => {
    setSaid((await copyText(text, button.current)) ? "copied" : "failed");
  };
  const shown = said === undefined ? "" : words[said];
  return (
    <span className="text-copy">
      <button
        ref={button}
        type="button"
        className="ui-icon-button text-copy-button"
        aria-label={name}
        title={name}
        onClick={() => void copy()}
      >
        <Icon name={said === "copied" ? "check" : "copy"} />
      </button>
      <span className="text-copy-said" role="status">
        {shown}
      </span>
    </span>
  );
}
