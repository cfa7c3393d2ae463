// Loaded before a program whose clock jumps: SIGUSR2 sets it forward by a day, SIGUSR1 back by two.
const DAY = 86_400_000;
const Real = Date;
let offset = 0;
Deno.addSignalListener("SIGUSR2", () => offset += DAY);
Deno.addSignalListener("SIGUSR1", () => offset -= 2 * DAY);

globalThis.Date = class extends Real {
  constructor(...args: []) {
    super(...(args.length ? args : [Real.now() + offset] as unknown as []));
  }

  static override now(): number {
    return Real.now() + offset;
  }
} as DateConstructor;
