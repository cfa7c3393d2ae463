// What exact counters cost an insert of a message: the same inserts into the same table with the
// counters' trigger off, with and without the broadcast that otherwise goes along.
import type { Sql } from "postgres";
import { interleave, type Run, timed } from "../measure.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";

const COUNTERS = "_800_count_new_messages";
const BROADCAST = "_700_broadcast_new_messages";
const SESSIONS = 16;

export const messages: Scenario = {
  name: "messages",
  needs: "postgres",
  run: async (context) => {
    const results: Result[] = [];
    for (const channels of [1, 50]) {
      results.push(
        ...await measure(context, {
          label: `insert a message, ${channels} channel${
            channels === 1 ? "" : "s"
          }, ${SESSIONS} sessions`,
          channels,
          insert: (ids) => oneByOne(context, ids),
          target: channels === 50 ? 0.6 : undefined,
        }),
      );
    }
    results.push(
      ...await measure(context, {
        label: "insert messages in bulk, one statement, 50 channels",
        channels: 50,
        insert: (ids) => inBulk(context, ids),
        target: 0.85,
      }),
    );
    return results;
  },
};

interface Measure {
  label: string;
  channels: number;
  /** Resolves to messages a second. */
  insert: (channels: string[]) => Promise<number>;
  target?: number;
}

async function measure(
  { admin, rounds }: Context,
  { label, channels, insert, target }: Measure,
): Promise<Result[]> {
  const ids = await makeChannels(admin, channels);
  const run = (...off: string[]): Run => async () => {
    await clearTasks(admin);
    await settle(admin, "public.hub_channel_messages", "public.hub_channels");
    return await withTriggersOff(admin, off, () => insert(ids));
  };
  const samples = await interleave({
    "counted": run(),
    "not counted": run(COUNTERS),
    "counted, no broadcast": run(BROADCAST),
    "neither": run(COUNTERS, BROADCAST),
  }, rounds);
  const atLeast = target === undefined ? undefined : { atLeast: target };
  return [
    compare("messages", label, "messages/s", samples, ["counted", "not counted"], atLeast),
    compare("messages", label, "messages/s", samples, ["counted, no broadcast", "neither"]),
  ];
}

async function withTriggersOff<T>(admin: Sql, names: string[], step: () => Promise<T>): Promise<T> {
  const alter = (verb: string) =>
    Promise.all(
      names.map((name) =>
        admin.unsafe(`alter table public.hub_channel_messages ${verb} trigger ${name}`)
      ),
    );
  await alter("disable");
  try {
    return await step();
  } finally {
    await alter("enable");
  }
}

/** Sessions that insert and commit in loops inside the server, so that no time of a client counts. */
async function oneByOne({ sql, quick }: Context, channels: string[]): Promise<number> {
  const each = quick ? 50 : 250;
  const ms = await timed(() =>
    Promise.all(Array.from({ length: SESSIONS }, (_, session) =>
      sql.unsafe(`
        do $$
        declare
          v_channels uuid[] := '{${channels.join(",")}}';
        begin
          for i in 1 .. ${each} loop
            insert into public.hub_channel_messages (channel_id, content)
            values (
              v_channels[1 + (i * ${SESSIONS} + ${session}) % cardinality(v_channels)],
              'Deployed build ' || i
            );
            commit;
          end loop;
        end
        $$`)))
  );
  return SESSIONS * each / ms * 1000;
}

async function inBulk({ sql, quick }: Context, channels: string[]): Promise<number> {
  const total = quick ? 2000 : 100_000;
  const ms = await timed(() =>
    sql`
      insert into public.hub_channel_messages (channel_id, content)
      select (${channels}::uuid[])[1 + n % ${channels.length}], 'Deployed build ' || n
      from generate_series(1, ${total}::integer) as n`
  );
  return total / ms * 1000;
}
