/** The key that `whsec_…` stands for; undefined: it is none. The specification wants 24 to 64 bytes. */
export function webhookKeyOf(text: string): Buffer | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  const key = base64 === undefined ? undefined : Buffer.from(base64, "base64");
  return key !== undefined && key.length >= 24 && key.length <= 64 ? key : undefined;
}
