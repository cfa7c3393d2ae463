import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

/**
 * Keeps a list at its end while it grows there, and at the same message while older ones are put
 * before it. `firstKey` names the oldest item, `lastKey` the newest.
 */
export function useStickyScroll(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  firstKey: string | undefined,
  lastKey: string | undefined,
) {
  const [atEnd, setAtEnd] = useState(true);
  const sticking = useRef(true);
  // Distance from the end, which prepending does not change.
  const fromEnd = useRef(0);

  const toEnd = () => {
    const box = scroller.current;
    if (!box) return;
    sticking.current = true;
    box.scrollTop = box.scrollHeight;
  };

  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && !sticking.current) box.scrollTop = box.scrollHeight - fromEnd.current;
  }, [firstKey]);

  useLayoutEffect(() => {
    if (sticking.current) toEnd();
  }, [lastKey]);

  useEffect(() => {
    const box = scroller.current;
    if (!box || !content.current) return;
    const onScroll = () => {
      fromEnd.current = box.scrollHeight - box.scrollTop;
      sticking.current = fromEnd.current - box.clientHeight < 48;
      setAtEnd(sticking.current);
    };
    const grown = new ResizeObserver(() => sticking.current ? toEnd() : onScroll());
    grown.observe(content.current);
    grown.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      grown.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);

  return { atEnd, toEnd };
}
