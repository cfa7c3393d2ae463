// dispatch_task and execute_command over HTTP against an RPC that does nothing, through the same gateway.
import { type Operator, signUpOperator } from "../http.ts";
import { interleave, median, rate, type Run, timed } from "../measure.ts";
import { compare } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { clearTasks, makeChannels } from "../seed.ts";

const CLIENTS = 16;

type Call = (n: number, client: number) => Promise<unknown>;

export const http: Scenario = {
  name: "http",
  needs: "stack",
  run: async (context) => {
    const { sql, admin, rounds, quick } = context;
    // One each: requests of one user wait for each other, to be counted.
    const operators: Operator[] = [];
    while (operators.length < CLIENTS) operators.push(await signUpOperator(context));
    const channels = await makeChannels(admin, 50);
    const [leads] = await sql`
      select c.id from public.hub_channels as c
      join public.hub_servers as s on s.id = c.server_id
      where s.name = 'koji-pipeline' and c.name = 'leads'`;
    await sql.unsafe(`
      create function public.bench_nothing(content text) returns jsonb
      language plpgsql
      as $$ begin return jsonb_build_object('content', content); end $$;
      grant execute on function public.bench_nothing(text) to authenticated;
      notify pgrst, 'reload schema'`);

    const calls: Record<string, Call> = {
      "trivial rpc": (n, client) =>
        operators[client]!.rpc("bench_nothing", { content: `Call ${n}` }),
      "dispatch_task": (n, client) =>
        operators[client]!.rpc("dispatch_task", {
          channel_id: channels[n % channels.length],
          content: `Fix the build error in module ${n}`,
        }),
      "execute_command": (_, client) =>
        operators[client]!.rpc("execute_command", {
          channel_id: leads!.id,
          command: "!hot brooklyn",
        }),
    };
    await untilKnown(() => calls["trivial rpc"]!(0, 0));
    // Every connection of the gateway has its plans before the clock runs.
    for (const call of Object.values(calls)) await rate(20 * CLIENTS, CLIENTS, call);
    const inTurn = (call: Call): Run => async () => {
      const times: number[] = [];
      for (let n = 0; n < (quick ? 10 : 100); n++) times.push(await timed(() => call(n, 0)));
      return median(times);
    };
    const atOnce = (call: Call): Run => () => rate(quick ? 50 : 500, CLIENTS, call);
    const all = (how: (call: Call) => Run) =>
      Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, how(call)]));
    const alone = await interleave(all(inTurn), rounds);
    const crowded = await interleave(all(atOnce), rounds);
    await sql.unsafe("drop function public.bench_nothing(text)");
    await clearTasks(admin);
    return ["dispatch_task", "execute_command"].flatMap((name) => [
      compare("http", `${name} over HTTP, one client`, "ms", alone, [name, "trivial rpc"], {
        atMost: 2,
      }),
      compare("http", `${name} over HTTP, ${CLIENTS} clients`, "calls/s", crowded, [
        name,
        "trivial rpc",
      ], { atLeast: 0.5 }),
    ]);
  },
};

/** The gateway reads the catalog again when it was told to. */
async function untilKnown(call: () => Promise<unknown>): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return void await call();
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
