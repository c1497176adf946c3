import { useEffect, useId, useRef, useState, type FocusEvent, type KeyboardEvent } from "react";
import { Icon } from "../ui/icon.tsx";

export interface PickerOption {
  readonly value: string;
  readonly title: string;
  readonly text?: string;
}

interface PickerProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly PickerOption[];
  readonly onPick: (value: string) => void;
}

/** A button that shows what is chosen, and a list of what else there is. */
export function Picker({ label, value, options, onPick }: PickerProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const chosen = options.find((option) => option.value === value) ?? options[0];
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onBlur = ({ currentTarget, relatedTarget }: FocusEvent) => {
    if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) setOpen(false);
  };
  return (
    <div className="chat-picker" onBlur={onBlur}>
      <button
        ref={button}
        type="button"
        className="ui-button ui-button-small ui-button-quiet chat-picker-button"
        aria-haspopup="listbox"
        aria-expanded={isOpen}
        aria-label={`${label}: ${chosen?.title ?? ""}`}
        onClick={() => setOpen(!isOpen)}
      >
        <span className="chat-picker-value">{chosen?.title}</span>
        <Icon name="chevronDown" />
      </button>
      {isOpen ? (
        <OptionList
          label={label}
          value={chosen?.value ?? ""}
          options={options}
          onClose={close}
          onPick={(picked) => {
            onPick(picked);
            close();
          }}
        />
      ) : null}
    </div>
  );
}

interface OptionListProps extends PickerProps {
  readonly onClose: () => void;
}

function OptionList({ label, value, options, onPick, onClose }: OptionListProps) {
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      options.findIndex((option) => option.value === value),
    ),
  );
  useEffect(() => list.current?.focus(), []);
  useEffect(() => {
    // In newer browsers it returns a promise, which React would take for the effect's end and call.
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const onKeyDown = (event: KeyboardEvent) => {
    const next = activeAfter(event.key, active, options);
    if (next !== undefined) setActive(next);
    else if (event.key === "Enter" || event.key === " ") onPick(options[active]?.value ?? value);
    else if (event.key === "Escape") onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <ul
      ref={list}
      className="ui-menu chat-picker-list"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={`${id}-${active}`}
      onKeyDown={onKeyDown}
    >
      {options.map((option, index) => (
        <Option
          key={option.value}
          id={`${id}-${index}`}
          option={option}
          isChosen={option.value === value}
          isActive={index === active}
          onPick={() => onPick(option.value)}
          onPoint={() => setActive(index)}
        />
      ))}
    </ul>
  );
}

interface OptionProps {
  readonly id: string;
  readonly option: PickerOption;
  readonly isChosen: boolean;
  readonly isActive: boolean;
  readonly onPick: () => void;
  readonly onPoint: () => void;
}

/** Keys are the list's, which has the focus. */
function Option({ id, option, isChosen, isActive, onPick, onPoint }: OptionProps) {
  return (
    <li
      id={id}
      role="option"
      className="ui-menu-item chat-picker-option"
      aria-selected={isChosen}
      data-active={isActive ? "" : undefined}
      onClick={onPick}
      onPointerMove={onPoint}
    >
      <span className="chat-picker-check">{isChosen ? <Icon name="check" /> : null}</span>
      <span className="chat-picker-words">
        <span className="chat-picker-title">{option.title}</span>
        {option.text === undefined ? null : <span className="chat-picker-text">{option.text}</span>}
      </span>
    </li>
  );
}

/** Undefined: the key moves nothing. Letters go to the next option that begins with them. */
export function activeAfter(key: string, active: number, options: readonly PickerOption[]): number | undefined {
  const last = options.length - 1;
  if (key === "ArrowDown") return Math.min(last, active + 1);
  if (key === "ArrowUp") return Math.max(0, active - 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key.length !== 1 || key === " ") return undefined;
  const behindFirst = [...options.keys()].map((place) => (active + 1 + place) % options.length);
  return behindFirst.find((place) => options[place]?.title.toLowerCase().startsWith(key.toLowerCase())) ?? active;
}
