/**
 * Copies text. The clipboard of the browser is there only on pages that came encrypted or from this machine, and only when the person allows it; else a
 * field that is selected is copied, as before. `near` is where the field goes: inside a shadow root nothing else could be selected.
 */
export async function copyText(text: string, near: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text, near);
  }
}

function copySelected(text: string, near: Element): boolean {
  const field = near.ownerDocument.createElement("textarea");
  field.value = text;
  field.className = "ui-hidden";
  field.setAttribute("aria-hidden", "true");
  near.append(field);
  field.select();
  try {
    // The only way that there is without the clipboard.
    return near.ownerDocument.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (near instanceof HTMLElement) near.focus({ preventScroll: true });
  }
}
