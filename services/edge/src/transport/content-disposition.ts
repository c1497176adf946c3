/** What may stand in a `filename*` as it is (RFC 8187, `attr-char`), of what `encodeURIComponent` leaves. */
const others = /[!'()*]/g;

/** RFC 6266: a name for clients that read only ASCII, and the real one. `name` has no control characters. */
export function contentDisposition(how: "attachment" | "inline", name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7E]|["\\%;]/g, "_");
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    others,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${how}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
