import { useId, useRef, type KeyboardEvent, type ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";

export interface MenuItem {
  readonly name: string;
  readonly icon: IconName;
  readonly isDangerous?: boolean;
  readonly onChoose: () => void;
}

interface MenuProps {
  /** The accessible name of the button. */
  readonly label: string;
  readonly children: ReactNode;
  readonly className: string;
  readonly items: readonly MenuItem[];
  /** What stands above the items, for eyes and ears. */
  readonly header?: ReactNode;
  readonly tabIndex?: number;
}

/** A button and the menu that it opens: above everything, so that no scrolling box cuts it, and closed by Esc or a click elsewhere. */
export function Menu({ label, children, className, items, header, tabIndex }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  const focusItem = (place: number): void => {
    const found = menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]");
    if (found !== undefined) found[(place + found.length) % found.length]?.focus();
  };
  const close = (): void => {
    menu.current?.hidePopover();
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={label}
        aria-haspopup="menu"
        popoverTarget={id}
        {...(tabIndex === undefined ? {} : { tabIndex })}
      >
        {children}
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        className="ui-menu ui-menu-popover"
        onToggle={(event) => {
          if (event.newState !== "open") return;
          placeBeside(button.current, menu.current);
          focusItem(0);
        }}
        onKeyDown={(event) => moveIn(event, focusItem, close)}
      >
        {header}
        <div role="menu" aria-label={label}>
          {items.map((item) => (
            <Item key={item.name} item={item} close={close} />
          ))}
        </div>
      </div>
    </>
  );
}

function Item({ item, close }: { readonly item: MenuItem; readonly close: () => void }) {
  const choose = (): void => {
    close();
    item.onChoose();
  };
  const className = item.isDangerous === true ? "ui-menu-item ui-menu-item-danger" : "ui-menu-item";
  return (
    <button type="button" role="menuitem" tabIndex={-1} className={className} onClick={choose}>
      <Icon name={item.icon} />
      {item.name}
    </button>
  );
}

function moveIn(event: KeyboardEvent<HTMLElement>, focusItem: (place: number) => void, close: () => void): void {
  const items = [...event.currentTarget.querySelectorAll("[role=menuitem]")];
  const now = items.findIndex((item) => item.matches(":focus"));
  const places = new Map([
    ["ArrowDown", now + 1],
    ["ArrowUp", now - 1],
    ["Home", 0],
    ["End", -1],
  ]);
  const next = places.get(event.key);
  if (next !== undefined) focusItem(next);
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

const gap = 4;
const edge = 8;

/** Below the button where there is room, else above it; inside the window in any case. */
export function placeBeside(button: HTMLElement | null, menu: HTMLElement | null): void {
  if (button === null || menu === null) return;
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + gap;
  const top = below + height + edge <= innerHeight ? below : Math.max(edge, at.top - gap - height);
  const left = Math.min(Math.max(edge, at.left), Math.max(edge, innerWidth - width - edge));
  Object.assign(menu.style, { top: `${top}px`, left: `${left}px` });
}
