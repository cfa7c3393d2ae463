import { useSyncExternalStore } from "react";

/** Whether a media query holds, kept current. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = matchMedia(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches,
  );
}

/** A pointer that hovers comes with a keyboard: focus may be given without one covering the page. */
export const useHover = () => useMedia("(hover: hover)");

/** One column: the lists and the conversation are pages of their own. */
export const usePhone = () => useMedia("(max-width: 760px)");
