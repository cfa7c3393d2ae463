import assert from "node:assert/strict";
import { Mesh, settle } from "./mesh.ts";

Deno.test("set_member_role() keeps one admin when all of them demote each other at once", async () => {
  await using mesh = await Mesh.idle();
  const sessions = mesh.sessions(3);
  for (let round = 0; round < 10; round++) {
    await using admins = await Admins.alone(mesh, 3);
    const outcomes = await Promise.all(
      sessions.map((session, n) =>
        settle(session`select set_member_role(${admins.ids[n]!}, 'viewer')`.then(() => {}))
      ),
    );
    const [row] = await mesh.sql`
      select count(*)::integer as admins from hub_members where role = 'admin'`;
    assert.deepEqual(
      [row!.admins, outcomes.map(({ error }) => error).filter(Boolean)],
      [1, ["last_admin"]],
    );
  }
});

/** Users who are the only admins while they live. */
class Admins implements AsyncDisposable {
  private constructor(
    readonly mesh: Mesh,
    readonly ids: string[],
    readonly others: string[],
  ) {}

  static async alone(mesh: Mesh, count: number): Promise<Admins> {
    const ids = Array.from({ length: count }, () => crypto.randomUUID()).sort();
    for (const id of ids) {
      await mesh.sql`insert into auth.users (id, email) values (${id}, ${id + "@example.com"})`;
      await mesh.sql`insert into hub_members (user_id, role) values (${id}, 'admin')`;
    }
    const others = await mesh.sql`
      update hub_members set role = 'operator' where role = 'admin' and user_id <> all (${ids})
      returning user_id`;
    return new Admins(mesh, ids, others.map((row) => row.user_id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh.sql`update hub_members set role = 'admin' where user_id = any (${this.others})`;
    await this.mesh.sql`delete from auth.users where id = any (${this.ids})`;
  }
}
