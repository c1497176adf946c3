/** Where somebody was reading in a conversation that they left: for as long as the page is open. */
export interface ReadingPlace {
  /** The row at the top of the viewport. */
  readonly key: string;
  /** How far its top lay above that of the viewport, in pixels. */
  readonly offsetPx: number;
}

export interface ReadingPlaces {
  /** Undefined: at the end, or never there. */
  readonly of: (conversationId: string) => ReadingPlace | undefined;
  readonly keep: (conversationId: string, place: ReadingPlace | undefined) => void;
}

const maxPlaces = 100;

export function createReadingPlaces(): ReadingPlaces {
  const places = new Map<string, ReadingPlace>();
  return {
    of: (conversationId) => places.get(conversationId),
    keep: (conversationId, place) => {
      places.delete(conversationId);
      if (place === undefined) return;
      places.set(conversationId, place);
      const oldest = places.keys().next();
      if (places.size > maxPlaces && oldest.done !== true) places.delete(oldest.value);
    },
  };
}

export const readingPlaces = createReadingPlaces();
