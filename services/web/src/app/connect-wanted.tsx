import { useState } from "react";
import { settingsDialog } from "./later-parts.ts";

/** A question of an agent leads here (`/?connect=<server>`), where accounts are connected: the settings open by themselves, once. */
export function ConnectWanted({ userId }: { readonly userId: string }) {
  const [isOpen, setOpen] = useState(() => new URLSearchParams(location.search).has("connect"));
  if (!isOpen) return null;
  const close = (): void => {
    history.replaceState(history.state, "", location.pathname);
    setOpen(false);
  };
  return <settingsDialog.Part userId={userId} onClose={close} />;
}
