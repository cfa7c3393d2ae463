// The local stack: how long `npm start` takes from nothing but its packages to a stack that answers,
// and how much memory all its processes hold at rest.
import { interleave, type Run } from "../measure.ts";
import { NpmStart } from "../npm_start.ts";
import { compare } from "../result.ts";
import type { Scenario } from "../scenario.ts";

export const stack: Scenario = {
  name: "stack",
  needs: "stack",
  run: async ({ machine, rounds, quick }) => {
    // What another stack shares with this one would count by half.
    await machine.stopStack();
    const memory: Record<string, number[]> = {};
    const start = (name: string, executor: "on" | "off"): Run => async () => {
      await using started = await NpmStart.start(executor);
      // It takes a while to rest: two rounds show that it is the same each time.
      const settled = memory[name] ??= [];
      if (Deno.build.os === "linux" && settled.length < 2) {
        await started.use();
        // Longer than idle connections are kept.
        await new Promise((resolve) => setTimeout(resolve, quick ? 2000 : 75_000));
        settled.push(await started.memory());
      }
      return started.ms;
    };
    const names = ["stack", "with the demo executor"];
    const samples = await interleave(
      { [names[0]!]: start(names[0]!, "off"), [names[1]!]: start(names[1]!, "on") },
      rounds,
    );
    await machine.startStack();
    return names.flatMap((name) => [
      compare("stack", "npm start, packages there → ready", "ms", samples, [name], {
        atMost: 3000,
      }),
      ...memory[name]!.length === 0
        ? []
        : [compare("stack", "memory at rest", "MB", memory, [name], { atMost: 250 })],
    ]);
  },
};
