// A connection to the database that is kept open for what the server tells by itself.
import postgres from "postgres";

export interface PersistentConnection {
  /** Resolves when the connection is open for the first time. */
  ready: Promise<void>;
  stop: () => Promise<void>;
}

export interface PersistentConnectionOptions {
  url: string;
  /** Named in the log when it cannot be opened. */
  name: string;
  connection?: Record<string, string>;
  onnotify?: (channel: string) => void;
  /** Sets the connection up, each time it has been opened. */
  open: (sql: postgres.Sql) => Promise<void>;
  /** The connection is lost. Another follows. */
  onLost?: () => void;
}

/** Opens the connection, waits until it is lost, and opens it again, until it is stopped. */
export function keepConnected(options: PersistentConnectionOptions): PersistentConnection {
  const ready = Promise.withResolvers<void>();
  let stopped = false;
  let current: postgres.Sql | undefined;
  const keeping = keep();
  return {
    ready: ready.promise,
    stop: async () => {
      stopped = true;
      await current?.end({ timeout: 0 });
      await keeping;
    },
  };

  async function keep(): Promise<void> {
    // Said once for each time that the database is away.
    let told = false;
    while (!stopped) {
      const closed = Promise.withResolvers<void>();
      current = postgres(options.url, {
        max: 1,
        fetch_types: false,
        max_lifetime: null,
        connection: { application_name: `aura ${options.name}`, ...options.connection },
        onclose: () => closed.resolve(),
        // Read by postgres.js, but not among its declared options.
        ...{ onnotify: options.onnotify },
      });
      try {
        await options.open(current);
        ready.resolve();
        told = false;
        await closed.promise;
        if (!stopped) options.onLost?.();
      } catch (error) {
        if (!stopped && !told) console.error(`No connection for ${options.name}: ${error}`);
        told = true;
      }
      await current.end({ timeout: 0 });
      if (!stopped) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
