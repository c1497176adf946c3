import type { ReactNode } from "react";

interface LinkProps {
  readonly path: string;
  readonly go: (path: string) => void;
  readonly className?: string;
  /** Where its content says none. */
  readonly name?: string;
  readonly isCurrent?: boolean;
  readonly children: ReactNode;
}

/** A place of this page, without loading it again; with a key held down it is the browser's, as any link. */
export function Link({ path, go, className, name, isCurrent = false, children }: LinkProps) {
  return (
    <a
      href={path}
      className={className}
      {...(name === undefined ? {} : { "aria-label": name, title: name })}
      {...(isCurrent ? { "aria-current": "page" } : {})}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(path);
      }}
    >
      {children}
    </a>
  );
}
