/** Strokes on a grid of 24; drawn for this page. */
const paths = {
  add: "M12 5v14M5 12h14",
  agent: "M12 3v3M7 8h10a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3zM9 13h.01M15 13h.01",
  alert: "M12 9v4M12 17h.01M10.3 4.3 2.8 17a2 2 0 0 0 1.7 3h15a2 2 0 0 0 1.7-3L13.7 4.3a2 2 0 0 0-3.4 0z",
  attach:
    "M20 11.5 12 19.500a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.700 4.700l-8 8a1.700 1.700 0 0 1-2.400-2.400l7.200-7.200",
  check: "m5 13 4 4L19 7",
  checkCircle: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 12.5l2.5 2.5 4.5-5",
  chevronDown: "m6 9 6 6 6-6",
  chevronLeft: "m15 6-6 6 6 6",
  chevronRight: "m9 6 6 6-6 6",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  close: "m6 6 12 12M18 6 6 18",
  cloudOff: "m3 3 18 18M8.5 6.2A6 6 0 0 1 17.6 10 4.5 4.5 0 0 1 20 17.6M16 19H7a5 5 0 0 1-1.3-9.8",
  compose: "M12 5H6a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-6M10 14l.5-3 8-8 2.5 2.5-8 8z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  denied: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM6 6l12 12",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  edit: "m4 20 1-5L16 4l4 4L9 19zM13 7l4 4",
  expand: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  external: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5V4.500a1.5 1.5 0 0 1 3 0V11V6a1.5 1.5 0 0 1 3 0v8a7 7 0 0 1-7 7 6 6 0 0 1-5-3l-3-5a1.5 1.5 0 0 1 2.5-1.500L8 14z",
  hourglass: "M7 3h10M7 21h10M8 3v3c0 3 8 5 8 6s-8 3-8 6v3M16 3v3c0 3-8 5-8 6s8 3 8 6v3",
  list: "M4 6h16M4 12h16M4 18h10",
  microphone:
    "M12 15a3.5 3.5 0 0 0 3.500-3.500v-5a3.5 3.5 0 0 0-7 0v5A3.5 3.5 0 0 0 12 15zM5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  people:
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8",
  pin: "M9 4h6M10 4v6l-3 4h10l-3-4V4M12 14v6",
  question: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.4-1 .8-1 1.700M12 17h.01",
  reply: "M10 6 5 11l5 5M5 11h8a6 6 0 0 1 6 6v2",
  retry: "M20 11a8 8 0 1 0-2.3 6.300M20 5v6h-6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  send: "M12 19V5M6 11l6-6 6 6",
  settings:
    "M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM19.4 13.500l1.6 1.3-1.7 3-2-.7a7 7 0 0 1-2 1.200l-.4 2.100h-3.500l-.4-2.100a7 7 0 0 1-2-1.200l-2 .7-1.7-3 1.6-1.300a7 7 0 0 1 0-2.400L5.3 9.200l1.7-3 2 .7a7 7 0 0 1 2-1.200l.4-2.100h3.500l.4 2.100a7 7 0 0 1 2 1.200l2-.7 1.7 3-1.6 1.300a7 7 0 0 1 0 2.4z",
  shield: "M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6zM9 12l2 2 4-4",
  sidebar: "M4 5h16v14H4zM10 5v14",
  signOut: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 10h.01M15 10h.01M8.5 14.5a4.5 4.5 0 0 0 7 0",
  stop: "M8 8h8v8H8z",
  thumbDown: "M7 4v10M7 4h9.500a2 2 0 0 1 2 1.600l1.2 6A2 2 0 0 1 17.7 14H14l.6 4a2 2 0 0 1-3.7 1.200L7 14H4V4z",
  thumbUp: "M7 20V10M7 20h9.500a2 2 0 0 0 2-1.600l1.2-6A2 2 0 0 0 17.7 10H14l.6-4a2 2 0 0 0-3.7-1.200L7 10H4v10z",
  tool: "M14.5 6.500a4 4 0 0 1 5-1.200L17 8l1 2 2.7.3A4.5 4.5 0 0 1 15 14l-7 7-3-3 7-7a4.5 4.5 0 0 1 2.5-4.500z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
} as const;

export type IconName = keyof typeof paths;

/** A picture beside words, or inside a button that has a name: it says nothing by itself. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="ui-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
