/** Ends a streamed text before the first of some stop texts, however the pieces split them. */
export type StopCutter = {
  /** Takes the next piece; gives what can be shown of it. A tail that may become a stop text waits for the next piece. */
  push(piece: string): string;
  /** Gives the tail that waited, at the end of the stream. */
  flush(): string;
  /** True once a stop text came; nothing follows it. */
  isCut(): boolean;
};

/** Empty stop texts are ignored. */
export const createStopCutter = (stops: readonly string[]): StopCutter => {
  const texts = stops.filter((stop) => stop !== "");
  let waiting = "";
  let isCut = false;

  const tailLength = (text: string): number => {
    let longest = 0;
    for (const stop of texts) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  };

  return {
    push(piece) {
      if (isCut) return "";
      const text = waiting + piece;
      let cutAt = -1;
      for (const stop of texts) {
        const at = text.indexOf(stop);
        if (at >= 0 && (cutAt < 0 || at < cutAt)) cutAt = at;
      }
      if (cutAt >= 0) {
        isCut = true;
        waiting = "";
        return text.slice(0, cutAt);
      }
      const shown = text.length - tailLength(text);
      waiting = text.slice(shown);
      return text.slice(0, shown);
    },
    flush() {
      const tail = isCut ? "" : waiting;
      waiting = "";
      return tail;
    },
    isCut: () => isCut,
  };
};
