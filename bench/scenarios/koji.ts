// Koji's commands through execute_command, as a signed-in operator, each against its bare query as the
// owner: both as prepared statements of one client, call by call in turn, taken back each time.
import type { ReservedSql, Sql } from "postgres";
import { median, percentile } from "../measure.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { settle } from "../seed.ts";
import { asUsers, makeUsers } from "../users.ts";
import { queries, type Query } from "./koji_queries.ts";

const prospectsOf = ({ quick }: Context) => quick ? 2000 : 100_000;

export const koji: Scenario = {
  name: "koji",
  needs: "postgres",
  run: async (context) => {
    const { sql, admin } = context;
    await seedProspects(admin, prospectsOf(context));
    const [channel] = await sql`
      select c.id from public.hub_channels as c
      join public.hub_servers as s on s.id = c.server_id
      where s.name = 'koji-pipeline' and c.name = 'leads'`;
    const [user] = await makeUsers(admin, 1, "operator");
    const owner = await sql.reserve();
    try {
      return await asUsers(sql, [user!], async ([operator]) => {
        const results: Result[] = [];
        for (const query of queries) {
          results.push(...await measure(context, query, channel!.id, operator!, owner));
        }
        return results;
      });
    } finally {
      owner.release();
      await admin`
        truncate koji.prospects, koji.sweeps, koji.shipments, koji.follow_ups, koji.accounts, koji.orders`;
    }
  },
};

async function measure(
  context: Context,
  { command, sql }: Query,
  channel: string,
  operator: ReservedSql,
  owner: ReservedSql,
): Promise<Result[]> {
  const { rounds, quick } = context;
  const asCommand = () =>
    takenBack(operator, "select public.execute_command($1, $2)", [channel, command]);
  const asQuery = () => takenBack(owner, sql, []);
  // Some seconds for the slow ones, too.
  const first = await asCommand();
  const calls = Math.min(quick ? 10 : 200, Math.ceil(2000 / first));
  const samples = { "command": [] as number[], "bare query": [] as number[] };
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const times = { command: [] as number[], query: [] as number[] };
    for (let call = 0; call < calls; call++) {
      times.command.push(await asCommand());
      times.query.push(await asQuery());
    }
    samples["command"].push(median(times.command));
    samples["bare query"].push(median(times.query));
    all.push(...times.command);
  }
  const label = `${command}, ${prospectsOf(context).toLocaleString("en")} prospects`;
  // What is short is judged by what comes on top of it, what is long by its share.
  const isLong = command === "!export";
  const onTop = samples["command"].map((ms, round) => ms - samples["bare query"][round]!);
  return [
    compare(
      "koji",
      label,
      "ms",
      samples,
      ["command", "bare query"],
      isLong ? { atMost: 1.3 } : undefined,
    ),
    ...isLong ? [] : [
      compare("koji", `${label}, on top of its query`, "ms", { "command − query": onTop }, [
        "command − query",
      ], {
        atMost: 0.2,
      }),
    ],
    compare("koji", `${label}, 99th percentile`, "ms", { p99: [percentile(all, 0.99)] }, ["p99"], {
      atMost: 20,
    }),
  ];
}

/** Milliseconds of a statement whose transaction is rolled back. */
async function takenBack(
  session: ReservedSql,
  statement: string,
  parameters: string[],
): Promise<number> {
  await session.unsafe("begin");
  const start = performance.now();
  await session.unsafe(statement, parameters, { prepare: true, simple: false } as never);
  const ms = performance.now() - start;
  await session.unsafe("rollback");
  return ms;
}

/** Ten cities, a third of the prospects hot, one in fifty due; a year of orders and sweeps. */
async function seedProspects(admin: Sql, count: number): Promise<void> {
  await admin.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`
      truncate koji.prospects, koji.sweeps, koji.shipments, koji.follow_ups, koji.accounts, koji.orders
      restart identity`;
    await sql`
      insert into koji.prospects (
        name, market, temperature, stage, rating, address, phone, sampled_at, follow_up_at, created_at
      )
      select 'Cafe ' || n,
        case when n % 100 = 1 then 'brooklyn'
          else (array['queens', 'austin', 'oslo', 'lisbon', 'kyoto', 'porto', 'berlin', 'paris', 'rome'])[1 + n % 9]
        end,
        (array['hot', 'warm', 'cold'])[1 + n % 3]::koji.temperature,
        (array['new', 'outreach', 'sample', 'follow_up'])[1 + n % 4],
        (n * 7919 % 51) / 10.0, n || ' Juniper Street', '+1 555 ' || lpad(n::text, 7, '0'),
        case when n % 4 = 2 then now() - interval '3 days' end,
        case when n % 4 = 1 then now() + (n % 500 - 1) * interval '1 hour' end,
        now() - n % 365 * interval '1 day'
      from generate_series(1, ${count}::integer) as n`;
    await sql`
      insert into koji.orders (account_id, total, placed_at)
      select 1 + n % 1000, n % 400, now() - n % 365 * interval '1 day'
      from generate_series(1, ${count}::integer / 10) as n`;
    await sql`
      insert into koji.sweeps (city, status, requested_at, claimed_at, finished_at)
      select 'town ' || n, 'complete', f.at, f.at, f.at
      from generate_series(1, 1000) as n, lateral (select now() - n * interval '8 hours' as at) as f`;
  });
  await settle(admin, "koji.prospects", "koji.orders", "koji.sweeps");
}
