/** A piece of a text, and whether it is what was looked for. */
export interface HighlightPart {
  text: string;
  isFound: boolean;
}

/** A found message's `highlight` in its pieces, to be drawn without its marks. */
export function highlightParts(highlight: string): HighlightPart[] {
  return highlight.split(/⟦([^⟦⟧]*)⟧/).map((text, at) => ({ text, isFound: at % 2 === 1 }))
    .filter(({ text }) => text !== "");
}
