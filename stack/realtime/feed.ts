// Follows the database's changes through a replication slot that lives as long as the connection.
import type { Sql } from "postgres";
import { keepConnected, type PersistentConnection } from "../persistent_connection.ts";
import { type Change, PgOutput } from "./pgoutput.ts";

const PUBLICATIONS = "supabase_realtime,supabase_realtime_messages_publication";

export interface FeedEvents {
  onChange: (change: Change) => void;
  /** Changes are followed from now on. */
  onUp: () => void;
  /** The connection is lost; what changes until `onUp` is not told. */
  onDown: () => void;
}

export function followChanges(url: string, events: FeedEvents): PersistentConnection {
  return keepConnected({
    url,
    name: "realtime",
    connection: { replication: "database" },
    open: async (sql) => {
      await open(sql, events.onChange);
      events.onUp();
    },
    onLost: events.onDown,
  });
}

async function open(sql: Sql, onChange: (change: Change) => void): Promise<void> {
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
