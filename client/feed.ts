/**
 * What changes in a set of rows, as an async iterable that loses and repeats nothing: live broadcasts
 * while the topic is joined, and a look at the table after every join, because Realtime replays
 * nothing. A row that was had already is dropped; one whose contents differ comes as `changed`.
 *
 * While the table is read, broadcasts wait. Afterwards one that contradicts a row just read may be
 * older or newer than it, so the row is read again: what is delivered never steps back in time.
 */
import type { Topics } from "./topics.ts";
import { Waiter } from "./waiter.ts";

export interface Change<Row> {
  /** `new`: not held or delivered before; `changed`: its contents differ from what was. */
  kind: "new" | "changed";
  row: Row;
}

/** Where a feed's rows come from. */
export interface Source<Row> {
  topic: string;
  event: string;
  /** Whether a broadcast row is of this feed at all. */
  includes(row: Row): boolean;
  /** What of a row can change, as text. */
  version(row: Row): string;
  /** What is there already for a caller that holds nothing: it is not delivered. */
  current(): Promise<Row[]>;
  /** Rows that may be new or may have changed while nobody listened, oldest first. */
  missed(): Promise<Row[]>;
  byIds(ids: string[]): Promise<Row[]>;
  /** What the caller holds at the start. */
  start(held: Row[]): void;
  /** Takes note of a row held or delivered. */
  note(row: Row): void;
  /** Whether a row is older than all that the caller held at the start. */
  isOlder(row: Row): boolean;
}

/** A slow reader's waiting broadcasts beyond this many are dropped, and the table is read instead. */
const MOST_WAITING = 1000;
const MOST_REMEMBERED = 20_000;
/** How often the table is read while the topic is not joined. */
const READ_EVERY_MS = 5000;

/** A row as broadcast: `truncated` says that its content was too long to send. */
type Broadcast<Row> = Row & { truncated?: boolean };

export async function* follow<Row extends { id: string }>(
  topics: Topics,
  source: Source<Row>,
  held: Row[] | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Change<Row>, void, void> {
  const waiter = new Waiter(signal);
  const versions = new Map<string, string>();
  const doubtful = new Set<string>();
  let waiting: Broadcast<Row>[] = [];
  let joined = false;
  let stale = false;

  function remember(row: Row, version: string) {
    source.note(row);
    versions.delete(row.id);
    versions.set(row.id, version);
    if (versions.size > MOST_REMEMBERED) versions.delete(versions.keys().next().value!);
  }

  function* admit(row: Row): Generator<Change<Row>> {
    const version = source.version(row);
    const had = versions.get(row.id);
    if (had === version) return;
    remember(row, version);
    yield { kind: had === undefined && !source.isOlder(row) ? "new" : "changed", row };
  }

  async function* readTable() {
    const ids = [...doubtful];
    doubtful.clear();
    const everything = stale;
    stale = false;
    const rows = await waiter.insist(async () => [
      ...everything ? await source.missed() : [],
      ...await source.byIds(ids),
    ]);
    for (const row of rows) yield* admit(row);
    for (const row of waiting.splice(0)) {
      const contradicts = versions.has(row.id) && versions.get(row.id) !== source.version(row);
      if (row.truncated || contradicts) doubtful.add(row.id);
      else yield* admit(row);
    }
  }

  const leave = topics.listen(source.topic, {
    joined() {
      joined = stale = true;
      waiter.wake();
    },
    lost() {
      joined = false;
      waiter.wake();
    },
    broadcast(event, payload) {
      const row = payload as Broadcast<Row>;
      if (event !== source.event || !source.includes(row)) return;
      waiting.push(row);
      if (waiting.length > MOST_WAITING) {
        waiting = [];
        stale = true;
      }
      waiter.wake();
    },
    failed: (error) => waiter.fail(error),
  });

  try {
    const start = held ?? await waiter.insist(() => source.current());
    source.start(start);
    for (const row of start) remember(row, source.version(row));
    while (!waiter.stopped) {
      if (stale || doubtful.size > 0) {
        yield* readTable();
        continue;
      }
      const row = waiting.shift();
      if (row?.truncated) doubtful.add(row.id);
      else if (row) yield* admit(row);
      else if (!await waiter.woken(joined ? undefined : READ_EVERY_MS) && !joined) stale = true;
    }
  } catch (error) {
    if (!waiter.stopped) throw error;
  } finally {
    leave();
  }
}
