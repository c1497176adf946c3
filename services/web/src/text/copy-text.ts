/** True: it is in the clipboard. Pages without a secure origin have no clipboard of their own, only the older command. */
export async function copyText(text: string, near: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return near !== null && copyByCommand(text, near);
  }
}

function copyByCommand(text: string, near: HTMLElement): boolean {
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "ui-hidden";
  box.readOnly = true;
  // Beside what was pressed: inside a shadow root, or a dialog, nothing outside of it can be selected.
  near.after(box);
  box.select();
  try {
    // oxlint-disable-next-line typescript/no-deprecated
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    box.remove();
    near.focus();
  }
}
