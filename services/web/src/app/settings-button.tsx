import { useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { settingsDialog } from "./later-parts.ts";

interface SettingsButtonProps {
  readonly className?: string;
  readonly userId?: string | undefined;
}

export function SettingsButton({ className = "", userId }: SettingsButtonProps) {
  const { app } = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className={`ui-icon-button ${className}`}
        aria-label={app.settings.title}
        title={app.settings.title}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <Icon name="settings" />
      </button>
      {isOpen && <settingsDialog.Part userId={userId} onClose={() => setOpen(false)} />}
    </>
  );
}
