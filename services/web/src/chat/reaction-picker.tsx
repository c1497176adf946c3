import { limits } from "@parley/protocol/fold";
import { useId, useRef, useState, type SyntheticEvent } from "react";
import { Icon } from "../ui/icon.tsx";
import { placeBeside } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";

/** What most people want to say with one. */
const common = ["👍", "❤️", "😄", "🎉", "👀", "✅"];

interface ReactionPickerProps {
  readonly onPick: (reaction: string) => void;
}

/** A button with the usual reactions, and a field for any other. */
export function ReactionPicker({ onPick }: ReactionPickerProps) {
  const { room } = useWords();
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const pick = (reaction: string) => {
    panel.current?.hidePopover();
    button.current?.focus();
    onPick(reaction);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className="ui-icon-button chat-action"
        aria-label={room.react}
        title={room.react}
        popoverTarget={id}
      >
        <Icon name="smile" />
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="group"
        aria-label={room.react}
        className="ui-menu ui-menu-popover people-picker"
        onToggle={(event) => {
          if (event.newState !== "open") return;
          placeBeside(button.current, panel.current);
          panel.current?.querySelector("button")?.focus();
        }}
      >
        <Usual onPick={pick} />
        <OwnReaction onPick={pick} />
      </div>
    </>
  );
}

function Usual({ onPick }: ReactionPickerProps) {
  const { room } = useWords();
  return (
    <div className="people-picker-row">
      {common.map((emoji) => (
        <button
          key={emoji}
          type="button"
          className="ui-icon-button"
          aria-label={room.reactWith(emoji)}
          onClick={() => onPick(emoji)}
        >
          {emoji}
        </button>
      ))}
    </div>
  );
}

function OwnReaction({ onPick }: ReactionPickerProps) {
  const { room } = useWords();
  const [text, setText] = useState("");
  const reaction = text.trim();
  const isOne =
    reaction !== "" &&
    !/[\s\p{C}]/u.test(reaction.replaceAll("\u200D", "")) &&
    Array.from(reaction).length <= limits.reactionChars;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!isOne) return;
    setText("");
    onPick(reaction);
  };
  return (
    <form className="people-picker-row" onSubmit={submit}>
      <input
        className="ui-field"
        aria-label={room.reactOwn}
        placeholder={room.reactOwn}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="ui-button ui-button-small" disabled={!isOne}>
        {room.reactOwnDo}
      </button>
    </form>
  );
}
