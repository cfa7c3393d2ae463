/**
 * What changes in a set of rows, as an async iterable that loses and repeats nothing: live broadcasts
 * while the topic is joined, and a look at the table after every join, because Realtime replays
 * nothing. A row that was had already is dropped; one whose contents differ comes as `changed`.
 *
 * Broadcasts come in the order of the commits. Only against a row that was read from the table is a
 * broadcast of doubtful age: the row is then read again, so that nothing steps back in time.
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

interface Known {
  version: string;
  /** Whether the version was read, and no broadcast has said the same since. */
  isRead: boolean;
}

export async function* follow<Row extends { id: string }>(
  topics: Pick<Topics, "listen">,
  source: Source<Row>,
  held: Row[] | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Change<Row>, void, void> {
  const waiter = new Waiter(signal);
  const known = new Map<string, Known>();
  const doubtful = new Map<string, Row>();
  let waiting: Broadcast<Row>[] = [];
  let joined = false;
  let stale = false;

  function remember(row: Row, isRead: boolean) {
    source.note(row);
    known.delete(row.id);
    known.set(row.id, { version: source.version(row), isRead });
    if (known.size > MOST_REMEMBERED) known.delete(known.keys().next().value!);
  }

  function* admit(row: Row, isRead: boolean): Generator<Change<Row>> {
    const had = known.get(row.id);
    if (had?.version === source.version(row)) return;
    remember(row, isRead);
    yield { kind: had || source.isOlder(row) ? "changed" : "new", row };
  }

  function* receive(row: Broadcast<Row>): Generator<Change<Row>> {
    const had = known.get(row.id);
    if (had?.version === source.version(row)) had.isRead = false;
    else if (row.truncated || had?.isRead) doubtful.set(row.id, row);
    else yield* admit(row, false);
  }

  async function* readTable() {
    const everything = stale;
    const doubts = new Map(doubtful);
    stale = false;
    doubtful.clear();
    const rows = await waiter.insist(async () => [
      ...everything ? await source.missed() : [],
      ...await source.byIds([...doubts.keys()]),
    ]);
    for (const row of rows) yield* admit(row, true);
    for (const row of doubts.values()) {
      const now = known.get(row.id);
      if (now?.version === source.version(row)) now.isRead = false;
    }
  }

  const leave = topics.listen(source.topic, {
    joined() {
      joined = stale = true;
      waiter.wake();
    },
    lost() {
      joined = false;
      stale = true;
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
    for (const row of start) remember(row, true);
    while (!waiter.stopped) {
      const row = stale || doubtful.size > 0 ? null : waiting.shift();
      if (row === null) yield* readTable();
      else if (row) yield* receive(row);
      else if (!await waiter.woken(joined ? undefined : READ_EVERY_MS) && !joined) stale = true;
    }
  } catch (error) {
    if (!waiter.stopped) throw error;
  } finally {
    leave();
  }
}
