// What the tests of the client and of the CLI start from: a user with a role, and a server and a
// channel of the test's own.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import {
  type Architecture,
  AuraClient,
  type Change,
  type Channel,
  type Message,
  type Role,
} from "../../client/index.ts";
import { connect, type Connection, stackEnv } from "../stack.ts";

export interface User {
  aura: AuraClient;
  supabase: SupabaseClient;
  id: string;
  email: string;
  password: string;
}

export class Fixture implements AsyncDisposable {
  readonly url: string;
  readonly key: string;
  readonly sql: Connection;
  readonly #users: User[] = [];
  readonly #servers: string[] = [];

  /** On the stack under test, or on the one that these variables name. */
  constructor(env?: Record<string, string>) {
    this.url = stackEnv("SUPABASE_URL", env);
    this.key = stackEnv("SUPABASE_PUBLISHABLE_KEY", env);
    this.sql = connect({ max: 2 }, env);
  }

  /** A new user of this role. `url` may lead elsewhere than to the gateway itself. */
  async user(role: Role = "operator", url: string = this.url): Promise<User> {
    const email = `${crypto.randomUUID()}@example.com`;
    const password = crypto.randomUUID();
    const supabase = createClient(url, this.key, { auth: { persistSession: false } });
    const { data, error } = await supabase.auth.signUp({ email, password });
    if (error) throw error;
    const id = data.user!.id;
    await this.sql`insert into hub_members (user_id, role) values (${id}, ${role})`;
    const user = { aura: new AuraClient(supabase), supabase, id, email, password };
    this.#users.push(user);
    return user;
  }

  /** A new channel on a new server. */
  async channel(architecture_type: Architecture): Promise<Channel> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    const [server] = await this.sql`
      insert into hub_servers ${
      this.sql({ name, display_name: name, architecture_type })
    } returning id`;
    this.#servers.push(server!.id);
    const row = { server_id: server!.id, name, display_name: `#${name}`, project_path: "Desktop" };
    const [channel] = await this.sql`insert into hub_channels ${this.sql(row)} returning *`;
    return channel as Channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { supabase } of this.#users) {
      await supabase.auth.stopAutoRefresh();
      await supabase.removeAllChannels();
    }
    await this.sql`delete from hub_servers where id in ${
      this.sql(["", ...this.#servers].slice(1))
    }`;
    await this.sql`delete from auth.users where id in ${this.sql(this.#users.map(({ id }) => id))}`;
    await this.sql.end();
  }
}

/** A test on the real stack. supabase-js leaves timers behind that end by themselves. */
export function stackTest(name: string, run: (fixture: Fixture) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using fixture = new Fixture();
      await run(fixture);
    },
  });
}

/** Reads a feed until a change passes, and returns all of them. */
export async function collect(
  feed: AsyncIterable<Change<Message>>,
  isLast: (change: Change<Message>) => boolean,
): Promise<Change<Message>[]> {
  const changes: Change<Message>[] = [];
  for await (const change of feed) {
    changes.push(change);
    if (isLast(change)) break;
  }
  return changes;
}
