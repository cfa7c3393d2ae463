// Samples of several variants taken in turn, and what is compared of them.

/** One run of a variant; resolves to its figure. */
export type Run = () => Promise<number>;

export type Samples = Record<string, number[]>;

/** Runs the variants A B A B …, so that what slows the machine down for a while hits all of them. */
export async function interleave(
  variants: Record<string, Run>,
  rounds: number,
): Promise<Samples> {
  const samples: Samples = Object.fromEntries(
    Object.keys(variants).map((name) => [name, []]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(variants)) {
      samples[name]!.push(await run());
    }
  }
  return samples;
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** The value below which a share of the values lies, between neighbours. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at % 1);
}

/** How long a step takes, in milliseconds. */
export async function timed(step: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await step();
  return performance.now() - start;
}

/** Calls `step` from `clients` loops at once, `total` times in all; resolves to calls per second. */
export async function rate(
  total: number,
  clients: number,
  step: (call: number, client: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const ms = await timed(() =>
    Promise.all(Array.from({ length: clients }, async (_, client) => {
      for (let call = next++; call < total; call = next++) {
        await step(call, client);
      }
    }))
  );
  return total / ms * 1000;
}
