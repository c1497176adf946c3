import type { Ref } from "react";
import { isApple } from "../ui/apple.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";

interface SearchFieldProps {
  readonly ref?: Ref<HTMLInputElement> | undefined;
  readonly query: string;
  readonly onChange: (query: string) => void;
  /** Arrow down: into what was found. */
  readonly onDown: () => void;
}

export function SearchField({ ref, query, onChange, onDown }: SearchFieldProps) {
  const { list } = useWords().app;
  return (
    <div className="list-search" role="search">
      <Icon name="search" />
      <input
        ref={ref}
        type="search"
        className="list-search-field"
        aria-label={list.search}
        aria-keyshortcuts={isApple() ? "Meta+K" : "Control+K"}
        title={isApple() ? "⌘K" : list.searchKey}
        placeholder={list.search}
        value={query}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") onDown();
          else if (event.key === "Escape" && query !== "") onChange("");
          else return;
          event.preventDefault();
          // Esc with a text in it clears it, and does not close what the field is in.
          event.stopPropagation();
        }}
      />
      {query !== "" && (
        <button type="button" className="list-search-clear" aria-label={list.clearSearch} onClick={() => onChange("")}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
