import { typedBetween, type Snapshot } from "./snapshot.ts";

/** Knows which suggestion an undo takes back, so that it is not offered at that place again. */
export type UndoMemory = {
  offered(place: Snapshot, text: string): void;
  /** The edit before this call has put `text` into the document. */
  accepted(text: string): void;
  edited(documentId: string): void;
  /** The last edit but one is undone. Returns the place of the suggestion that this took back, if it was one. */
  undone(documentId: string): Snapshot | undefined;
  isRefused(place: Snapshot, text: string): boolean;
  clear(): void;
};

type Offer = { readonly place: Snapshot; readonly text: string };

// VS Code tells of an accept after it has asked for the next text.
const keptOffers = 3;
/** The edit that is the undoing itself. */
const editsSince = 1;

export const createUndoMemory = (): UndoMemory => {
  let offers: Offer[] = [];
  let taken: { readonly offer: Offer; edits: number } | undefined;
  let refused: Offer | undefined;

  return {
    offered(place, text) {
      offers = [{ place, text }, ...offers].slice(0, keptOffers);
    },
    accepted(text) {
      const offer = offers.find((made) => made.text === text);
      taken = offer && { offer, edits: 0 };
    },
    edited(documentId) {
      if (taken?.offer.place.documentId === documentId) taken.edits++;
      if (refused?.place.documentId === documentId) refused = undefined;
    },
    undone(documentId) {
      if (taken?.offer.place.documentId !== documentId || taken.edits > editsSince) return undefined;
      refused = taken.offer;
      taken = undefined;
      return refused.place;
    },
    isRefused: (place, text) =>
      refused !== undefined &&
      refused.text === text &&
      refused.place.documentId === place.documentId &&
      typedBetween(refused.place.prefix, place.prefix) === "",
    clear() {
      offers = [];
      taken = undefined;
      refused = undefined;
    },
  };
};
