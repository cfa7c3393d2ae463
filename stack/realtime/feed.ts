// Follows the database's changes through a replication slot that lives as long as the connection.
import postgres from "postgres";
import { type Change, PgOutput } from "./pgoutput.ts";

const PUBLICATIONS = "supabase_realtime,supabase_realtime_messages_publication";

export interface FeedEvents {
  onChange: (change: Change) => void;
  /** Changes are followed from now on. */
  onUp: () => void;
  /** The connection is lost; what changes until `onUp` is not told. */
  onDown: () => void;
}

/** Follows until `stop`, connecting again whenever the connection is lost. */
export function followChanges(url: string, events: FeedEvents): { stop: () => Promise<void> } {
  let stopped = false;
  let current: postgres.Sql | undefined;
  const following = follow();
  return {
    stop: async () => {
      stopped = true;
      await current?.end({ timeout: 0 });
      await following;
    },
  };

  async function follow(): Promise<void> {
    while (!stopped) {
      const closed = Promise.withResolvers<void>();
      current = postgres(url, {
        max: 1,
        fetch_types: false,
        idle_timeout: undefined,
        max_lifetime: null,
        connection: { replication: "database", application_name: "aura realtime" },
        onclose: () => closed.resolve(),
      });
      try {
        await open(current, events.onChange);
        events.onUp();
        await closed.promise;
        if (!stopped) events.onDown();
      } catch (error) {
        if (stopped) return;
        console.error(`Realtime cannot follow the database: ${(error as Error).message}`);
      }
      await current.end({ timeout: 0 });
      if (!stopped) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function open(sql: postgres.Sql, onChange: (change: Change) => void): Promise<void> {
  const name = `aura_${crypto.randomUUID().replaceAll("-", "_")}`;
  const [slot] = await sql.unsafe(
    `CREATE_REPLICATION_SLOT ${name} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
  );
  const stream = await sql.unsafe(
    `START_REPLICATION SLOT ${name} LOGICAL ${slot!.consistent_point} ` +
      `(proto_version '1', publication_names '${PUBLICATIONS}')`,
  ).writable();
  const output = new PgOutput();
  // Each error of the stream is followed by the connection's end, which is what counts.
  stream.on("error", () => {});
  stream.on("data", (bytes: Uint8Array) => {
    const kind = String.fromCharCode(bytes[0]!);
    if (kind === "w") {
      const change = output.decode(bytes.subarray(25));
      if (change) onChange(change);
    } else if (kind === "k") {
      stream.write(standbyStatus(bytes.subarray(1, 9)));
    }
  });
}

/** Tells Postgres that everything up to `position` is done with, so that it need not keep it. */
function standbyStatus(position: Uint8Array): Uint8Array {
  const status = new Uint8Array(34);
  status[0] = "r".charCodeAt(0);
  for (const offset of [1, 9, 17]) status.set(position, offset);
  const microseconds = BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n;
  new DataView(status.buffer).setBigInt64(25, microseconds);
  return status;
}
