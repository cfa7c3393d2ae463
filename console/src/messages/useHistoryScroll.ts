import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";

/** So near to the start, older rows are read. */
const READ_AHEAD = 1200;
const AT_END = 48;
const AT_START = 100;

const toGo = (box: HTMLElement) => box.scrollHeight - box.scrollTop - box.clientHeight;

/**
 * Keeps a virtual list at its end while it grows there, and at the same row while older ones are put
 * before it; asks for older ones when its start comes near. With `at` it begins at that row. To be spread
 * over a `Virtualizer`.
 */
export function useHistoryScroll(
  scroller: RefObject<HTMLElement | null>,
  rows: { id: string }[],
  { hasOlder, loadOlder, hasNewer, loadNewer, at }: {
    hasOlder: boolean;
    loadOlder: () => void;
    hasNewer: boolean;
    loadNewer?: () => void;
    at?: string;
  },
) {
  const ref = useRef<VirtualizerHandle>(null);
  const [atEnd, setAtEnd] = useState(at === undefined);
  const [atStart, setAtStart] = useState(false);
  const sticking = useRef(at === undefined);
  const first = rows[0]?.id;
  const last = rows.at(-1)?.id;
  const before = useRef({ first, last });
  const shift = before.current.first !== first && before.current.last === last;

  const toEnd = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    sticking.current = true;
    box.scrollTop = box.scrollHeight;
  }, []);

  // The row to begin at stays in the middle, whatever is read around it, until somebody moves the list. It
  // has the focus as soon as it can be seen.
  const holding = useRef(at !== undefined);
  const isFocused = useRef(false);
  const index = rows.findIndex(({ id }) => id === at);
  const settle = () => {
    if (!holding.current) return sticking.current && toEnd();
    if (index >= 0) ref.current?.scrollToIndex(index, { align: "center" });
    requestAnimationFrame(() => {
      const row = scroller.current?.querySelector<HTMLElement>("[aria-current]");
      if (isFocused.current || !row?.checkVisibility({ visibilityProperty: true })) return;
      isFocused.current = true;
      row.focus({ preventScroll: true });
    });
  };
  const settled = useRef(settle);
  settled.current = settle;

  useEffect(() => {
    const release = () => holding.current = false;
    const moves = ["wheel", "touchmove", "pointerdown", "keydown"] as const;
    for (const move of moves) scroller.current?.addEventListener(move, release, { passive: true });
    return () => moves.forEach((move) => scroller.current?.removeEventListener(move, release));
  }, []);

  const readAhead = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    if (hasOlder && box.scrollTop < READ_AHEAD) loadOlder();
    if (hasNewer && toGo(box) < READ_AHEAD) loadNewer?.();
  }, [hasOlder, loadOlder, hasNewer, loadNewer]);

  useLayoutEffect(() => {
    before.current = { first, last };
    settled.current();
  }, [first, last]);

  // A first page may not even fill the view.
  useEffect(readAhead, [readAhead, first, last]);

  // The composer below grows and shrinks with what is written.
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const resized = new ResizeObserver(() => settled.current());
    resized.observe(box);
    return () => resized.disconnect();
  }, []);

  return {
    ref,
    shift,
    atEnd,
    atStart,
    toEnd,
    onScroll: () => {
      const box = scroller.current;
      if (!box) return;
      // What is read on to does not pull the view along.
      sticking.current = !hasNewer && toGo(box) < AT_END;
      setAtEnd(sticking.current);
      setAtStart(box.scrollTop < AT_START);
      readAhead();
    },
    onResize: settle,
  };
}
