import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";

/** So near to the start, older rows are read. */
const READ_AHEAD = 1200;
const AT_END = 48;
const AT_START = 100;

/**
 * Keeps a virtual list at its end while it grows there, and at the same row while older ones are put
 * before it; asks for older ones when its start comes near. To be spread over a `Virtualizer`.
 */
export function useHistoryScroll(
  scroller: RefObject<HTMLElement | null>,
  rows: { id: string }[],
  { hasOlder, loadOlder }: { hasOlder: boolean; loadOlder: () => void },
) {
  const ref = useRef<VirtualizerHandle>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [atStart, setAtStart] = useState(false);
  const sticking = useRef(true);
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

  const readAhead = useCallback(() => {
    const box = scroller.current;
    if (box && hasOlder && box.scrollTop < READ_AHEAD) loadOlder();
  }, [hasOlder, loadOlder]);

  useLayoutEffect(() => {
    before.current = { first, last };
    if (sticking.current) toEnd();
  }, [first, last]);

  // A first page may not even fill the view.
  useEffect(readAhead, [readAhead, first]);

  // The composer below grows and shrinks with what is written.
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const resized = new ResizeObserver(() => sticking.current && toEnd());
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
      sticking.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
      setAtEnd(sticking.current);
      setAtStart(box.scrollTop < AT_START);
      readAhead();
    },
    onResize: () => sticking.current && toEnd(),
  };
}
