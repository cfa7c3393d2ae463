// What only two sessions at once can show of Koji's commands and of the sweeps' consumers.
import assert from "node:assert/strict";
import type { ReservedSql } from "postgres";
import { connect, type Connection } from "../stack.ts";

const market = `test ${crypto.randomUUID()}`;

/** Runs the body with two sessions in a transaction each, and undoes what they and it stored. */
async function withTwo(
  body: (a: ReservedSql, b: ReservedSql, sql: Connection) => Promise<void>,
): Promise<void> {
  await using sql = connect();
  const a = await sql.reserve();
  const b = await sql.reserve();
  try {
    await a`begin`;
    await b`begin`;
    await body(a, b, sql);
  } finally {
    await a`rollback`;
    await b`rollback`;
    a.release();
    b.release();
    await sql`delete from koji.prospects where market = ${market}`;
    await sql`delete from koji.sweeps where city like ${market + "%"}`;
  }
}

async function run(sql: ReservedSql | Connection, command: string): Promise<string> {
  const [row] = await sql<{ chunks: string[] }[]>`
    select array(select jsonb_array_elements_text(execute_command(c.id, ${command}) -> 'chunks')) as chunks
    from hub_channels as c
    join hub_servers as s on s.id = c.server_id
    where s.name = 'koji-pipeline' and c.name = 'leads'`;
  return row!.chunks.join("");
}

async function addLeads(sql: Connection, columns: Record<string, unknown>): Promise<void> {
  for (const name of ["One", "Two", "Three", "Four"]) {
    await sql`insert into koji.prospects ${
      sql({ name, market, temperature: "hot", rating: 5, ...columns })
    }`;
  }
}

async function addSweep(sql: Connection, city: string, status: string): Promise<string> {
  const [sweep] = await sql<{ id: string }[]>`
    insert into koji.sweeps (city, status, claimed_at, requested_at)
    values (${city}, ${status}, ${status === "running" ? new Date() : null}, '-infinity')
    returning id`;
  return sweep!.id;
}

/** The names in the lines of a list. */
function listed(text: string): string[] {
  return [...text.matchAll(/^\d+\. (.*) \(/gm)].map((line) => line[1]!);
}

Deno.test("send-samples gives nobody two samples when two run at once", () =>
  withTwo(async (a, b, sql) => {
    await addLeads(sql, {});
    const first = listed(await run(a, "!send-samples 2"));
    const second = listed(await run(b, "!send-samples 2"));
    assert.deepEqual([first, second], [["One", "Two"], ["Three", "Four"]]);
  }));

Deno.test("followup moves every lead once when two run at once", () =>
  withTwo(async (a, b, sql) => {
    await addLeads(sql, { follow_up_at: new Date(0) });
    const first = listed(await run(a, "!followup"));
    const second = listed(await run(b, "!followup"));
    assert.deepEqual(first.slice(0, 4), ["One", "Two", "Three", "Four"]);
    assert.deepEqual(second, []);
  }));

Deno.test("sweep leaves one active sweep when two ask for a city at once", () =>
  withTwo(async (a, b, sql) => {
    assert.match(await run(a, `!sweep ${market}`), /^Sweep of .* queued\.$/);
    const second = run(b, `!sweep ${market}`);
    await a`commit`;
    assert.match(await second, /is already queued/);
    await b`commit`;
    assert.equal((await sql`select from koji.sweeps where city = ${market}`).length, 1);
  }));

Deno.test("claim_sweep() gives consumers at once different sweeps", () =>
  withTwo(async (a, b, sql) => {
    const queued = [
      await addSweep(sql, `${market} a`, "queued"),
      await addSweep(sql, `${market} b`, "queued"),
    ];
    const claim = async (session: ReservedSql) =>
      (await session<{ id: string }[]>`select claim_sweep() -> 'sweep' ->> 'id' as id`)[0]!.id;
    assert.deepEqual([await claim(a), await claim(b)].sort(), queued.sort());
  }));

Deno.test("complete_sweep() takes one report of a sweep when two arrive at once", () =>
  withTwo(async (a, b, sql) => {
    const sweep = await addSweep(sql, market, "running");
    const complete = (session: ReservedSql, name: string) =>
      session`select complete_sweep(${sweep}, jsonb_build_array(jsonb_build_object('name', ${name}::text)))`;
    await complete(a, "First");
    const second = assert.rejects(complete(b, "Second"), { detail: "sweep_not_found" });
    await a`commit`;
    await second;
    const found = await sql<{ name: string }[]>`
      select name from koji.prospects where market = ${market}`;
    assert.deepEqual(found.map(({ name }) => name), ["First"]);
  }));
