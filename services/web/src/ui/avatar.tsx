interface AvatarProps {
  readonly id: string;
  readonly name?: string | undefined;
  /** Whether they look at the conversation now; undefined: nothing is said of it. */
  readonly isHere?: boolean | undefined;
}

/** Two letters in a colour that somebody has everywhere. Their name stands beside it, or is the name of what it is in. */
export function Avatar({ id, name, isHere }: AvatarProps) {
  return (
    // The letters are a picture (people.css draws them): no text that a name of what they stand in would have to have.
    <span className="ui-avatar" data-colour={colourOf(id)} data-letters={initialsOf(name ?? id)} aria-hidden="true">
      {isHere === true && <span className="ui-avatar-here" />}
    </span>
  );
}

const colours = "abcdefgh";

/** The same for the same id, on every page. */
export function colourOf(id: string): string {
  let hash = 0;
  for (let at = 0; at < id.length; at++) hash = (hash * 31 + id.charCodeAt(at)) >>> 0;
  return colours[hash % colours.length] ?? "a";
}

/** Of the first and the last word. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._@-]+/u).filter((word) => word !== "");
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => firstLetter(word ?? ""));
  return letters.join("").toLocaleUpperCase() || "?";
}

function firstLetter(word: string): string {
  const [letter = ""] = word.match(/[\p{L}\p{N}]\p{M}*/u) ?? [];
  return letter;
}
