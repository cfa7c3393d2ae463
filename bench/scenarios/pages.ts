// Pages of messages: of a huge channel against a small one, and under row level security against the
// owner's reads, with a private server beside. Read in loops inside the server, so that no time of a client
// counts. And the search among them.
import type { ReservedSql, Sql } from "postgres";
import { interleave, percentile, type Run, timed } from "../measure.ts";
import { compare, type Result } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";
import { asUsers, makeUsers } from "../users.ts";

const SMALL = 1000;
const PAGE = 50;
/** Of so many releases each message names one. */
const RELEASES = 10_000;

export const pages: Scenario = {
  name: "pages",
  needs: "postgres",
  run: async (context) => {
    const { sql, admin, rounds, quick } = context;
    const huge = quick ? 100_000 : 10_000_000;
    await clearTasks(admin);
    const [big, small] = await makeChannels(admin, 2);
    // Two servers more, of which one is nobody's who is not a member.
    await makeChannels(admin, 1, "threaded");
    await admin`
      insert into public.hub_servers (name, display_name, architecture_type, default_role)
      values ('bench-private', 'Private', 'flat_task_pipeline', 'none') on conflict do nothing`;
    await withoutSearch(admin, async () => {
      await seedMessages(admin, big!, huge);
      await seedMessages(admin, small!, SMALL);
    });
    await settle(admin, "public.hub_channel_messages");
    await installReader(sql);
    const cursor = await cursorOf(sql, big!, 99 * PAGE);

    const [viewer] = await makeUsers(admin, 1, "viewer");
    const owner = await sql.reserve();
    try {
      return await asUsers(sql, [viewer!], async ([reader]) => {
        const read = (session: ReservedSql, channel: string, before?: Date): Run => async () => {
          const [row] = await session`
            select bench.read_pages(${channel}, ${before ?? null}, ${quick ? 20 : 500}) as ms`;
          return row!.ms;
        };
        const samples = await interleave({
          "newest page, huge": read(reader!, big!),
          "100th page, huge": read(reader!, big!, cursor),
          "newest page, small": read(reader!, small!),
          "newest page, huge, as owner": read(owner, big!),
        }, rounds);
        const count = huge.toLocaleString("en");
        const found = await search(reader!, rounds, quick ? 10 : 100);
        const label = `search_messages, a word of ${
          (huge / RELEASES).toLocaleString("en")
        } of ${count} messages`;
        return [
          compare("pages", `${label}, p95`, "ms", { p95: found }, ["p95"], { atMost: 50 }),
          compared(`newest page of ${PAGE}, ${count} messages and ${SMALL}`, samples, [
            "newest page, huge",
            "newest page, small",
          ], 1.5),
          compared(`100th page, ${count} messages, and the newest of ${SMALL}`, samples, [
            "100th page, huge",
            "newest page, small",
          ], 1.5),
          compared("newest page under RLS and as owner", samples, [
            "newest page, huge",
            "newest page, huge, as owner",
          ], 1.15),
        ];
      });
    } finally {
      owner.release();
      await sql.unsafe("drop schema bench cascade");
      await clearTasks(admin);
    }
  },
};

/** Each round's 95th percentile of so many searches for a word, each for another one. */
async function search(reader: ReservedSql, rounds: number, times: number): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const latencies: number[] = [];
    for (let n = 0; n < times; n++) {
      const word = `r${Math.floor(Math.random() * RELEASES)}`;
      const ms = await timed(async () => {
        const [row] = await reader`select public.search_messages(${word}) as messages`;
        if (row!.messages.length === 0) throw new Error(`"${word}" was not found.`);
      });
      latencies.push(ms);
    }
    found.push(percentile(latencies, 0.95));
  }
  return found;
}

/** While `seed` runs, nothing is sorted into the index of words: it is made anew afterwards, at once. */
async function withoutSearch(admin: Sql, seed: () => Promise<void>): Promise<void> {
  const [row] = await admin`
    select pg_get_indexdef('public.idx_hub_channel_messages_search'::regclass) as definition`;
  await admin`drop index public.idx_hub_channel_messages_search`;
  try {
    await seed();
  } finally {
    await admin.begin(async (sql) => {
      await sql`set local maintenance_work_mem = '1GB'`;
      await sql.unsafe(row!.definition);
    });
  }
}

function compared(
  measure: string,
  samples: Record<string, number[]>,
  names: [string, string],
  atMost: number,
): Result {
  return compare("pages", measure, "ms", samples, names, { atMost });
}

/** With triggers off, in steps that show and can be stopped. Ids rise, since random ones seed slowly. */
async function seedMessages(admin: Sql, channel: string, count: number): Promise<void> {
  const step = 500_000;
  for (let from = 1; from <= count; from += step) {
    await admin.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`
        insert into public.hub_channel_messages (
          id, channel_id, sender_type, sender_label, content, created_at
        )
        select overlay(${channel} placing lpad(to_hex(n), 8, '0') from 1)::uuid, ${channel}, 'agent',
          'Aura', 'Deployed build ' || n || ' of release r' || n % ${RELEASES}::integer || ' to the staging cluster.',
          timestamptz '2026-01-01' + n * interval '1 second'
        from generate_series(
          ${from}::integer, ${Math.min(from + step - 1, count)}::integer
        ) as n`;
    });
  }
  await admin`
    update public.hub_channels set message_count = ${count} where id = ${channel}`;
}

/**
 * Makes the same page so many times, as PostgREST does, from one prepared statement; returns the
 * milliseconds of one.
 */
async function installReader(sql: Sql): Promise<void> {
  const page = (condition: string) => `
    select coalesce(json_agg(p), '[]') into v_page from (
      select * from public.hub_channel_messages as m
      where m.channel_id = channel and m.task_thread_id is null ${condition}
      order by m.created_at desc, m.id desc
      limit ${PAGE}
    ) as p;`;
  await sql.unsafe(`
    create schema bench;
    grant usage on schema bench to authenticated;
    create function bench.read_pages(channel uuid, before timestamptz, times integer)
    returns double precision
    language plpgsql
    set plan_cache_mode = force_generic_plan
    as $$
    declare
      v_started timestamptz := clock_timestamp();
      v_page json;
    begin
      for i in 1 .. times loop
        if before is null then
          ${page("")}
        else
          ${page("and m.created_at < before")}
        end if;
      end loop;
      return extract(epoch from clock_timestamp() - v_started) * 1000 / times;
    end
    $$;
    grant execute on function bench.read_pages(uuid, timestamptz, integer) to authenticated`);
}

async function cursorOf(sql: Sql, channel: string, skip: number): Promise<Date> {
  const [row] = await sql`
    select created_at from public.hub_channel_messages
    where channel_id = ${channel} and task_thread_id is null
    order by created_at desc, id desc
    offset ${skip} limit 1`;
  return row!.created_at;
}
