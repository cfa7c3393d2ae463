// When to stop.

/**
 * Resolves at SIGINT, SIGTERM or SIGHUP, or when the process that started this one has ended: npm
 * ends at a SIGTERM without passing it on.
 */
export function untilTold(): Promise<void> {
  const parent = Deno.ppid;
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => resolve());
    }
    const watch = setInterval(() => {
      if (Deno.ppid === parent) return;
      clearInterval(watch);
      resolve();
    }, 500);
    Deno.unrefTimer(watch);
  });
}
