// Signed-in users of the benchmark, as the API makes them of a token.
import type { ReservedSql, Sql } from "postgres";

/** Makes so many users, each with this role, and returns their ids. */
export async function makeUsers(
  admin: Sql,
  count: number,
  role: "viewer" | "operator",
): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    with users as (
      insert into auth.users (id, email)
      select u.id, u.id || '@example.com'
      from (select gen_random_uuid() as id from generate_series(1, ${count}::integer)) as u
      returning id
    )
    insert into public.hub_members (user_id, role)
    select u.id, ${role} from users as u
    returning user_id as id`;
  return rows.map(({ id }) => id);
}

/** A session of each of these users, while `use` runs. */
export async function asUsers<T>(
  sql: Sql,
  ids: string[],
  use: (sessions: ReservedSql[]) => Promise<T>,
): Promise<T> {
  const sessions: ReservedSql[] = [];
  try {
    for (const id of ids) {
      const session = await sql.reserve();
      sessions.push(session);
      const claims = JSON.stringify({ role: "authenticated", sub: id });
      await session`
        select set_config('request.jwt.claims', ${claims}, false),
          set_config('role', 'authenticated', false)`;
    }
    return await use(sessions);
  } finally {
    for (const session of sessions) {
      // What failed may have left a transaction open.
      await session.unsafe("rollback; reset role; reset request.jwt.claims");
      session.release();
    }
  }
}
