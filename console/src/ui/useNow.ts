import { useSyncExternalStore } from "react";

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((notify) => notify());
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The present in milliseconds, rounded down to `step`, from one clock that every view shares. */
export function useNow(step = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Math.max(now, 0) / step) * step);
}
