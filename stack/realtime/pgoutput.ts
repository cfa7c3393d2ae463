// Decodes pgoutput, the format in which Postgres streams changes (protocol version 1).

export interface Column {
  name: string;
  /** The type's oid. */
  type: number;
  /** Part of the replica identity, the primary key by default. */
  key: boolean;
}

export interface Relation {
  schema: string;
  table: string;
  columns: Column[];
}

/** Values as Postgres writes them; a large value that an update left alone is not there. */
export type Tuple = Record<string, string | null>;

export interface Change {
  type: "INSERT" | "UPDATE" | "DELETE";
  relation: Relation;
  record?: Tuple;
  /** The key, or the whole row with `replica identity full`. */
  oldRecord?: Tuple;
  /** Its number, which others may see as running for a moment yet. */
  transaction: number;
  committedAt: Date;
}

/** Microseconds between the epochs of Unix and Postgres. */
const POSTGRES_EPOCH = 946_684_800_000_000n;

export class PgOutput {
  #relations = new Map<number, Relation>();
  #transaction = 0;
  #committedAt = new Date(0);

  /** One message; undefined when it is no change of a row. */
  decode(bytes: Uint8Array): Change | undefined {
    const reader = new Reader(bytes);
    switch (String.fromCharCode(reader.byte())) {
      case "B":
        reader.skip(8);
        this.#committedAt = new Date(Number((reader.bigint() + POSTGRES_EPOCH) / 1000n));
        this.#transaction = reader.uint32();
        return undefined;
      case "R":
        this.#relations.set(reader.uint32(), relation(reader));
        return undefined;
      case "I":
        return this.#change("INSERT", reader);
      case "U":
        return this.#change("UPDATE", reader);
      case "D":
        return this.#change("DELETE", reader);
      default:
        return undefined;
    }
  }

  #change(type: Change["type"], reader: Reader): Change {
    const relation = this.#relations.get(reader.uint32())!;
    const change: Change = {
      type,
      relation,
      transaction: this.#transaction,
      committedAt: this.#committedAt,
    };
    while (!reader.done) {
      const kind = String.fromCharCode(reader.byte());
      const values = tuple(reader, relation);
      if (kind === "N") change.record = values;
      else change.oldRecord = kind === "K" ? keyOf(values, relation) : values;
    }
    return change;
  }
}

function relation(reader: Reader): Relation {
  const schema = reader.text() || "pg_catalog";
  const table = reader.text();
  reader.skip(1);
  const columns = Array.from({ length: reader.uint16() }, () => {
    const key = reader.byte() === 1;
    const name = reader.text();
    const type = reader.uint32();
    reader.skip(4);
    return { name, type, key };
  });
  return { schema, table, columns };
}

function tuple(reader: Reader, { columns }: Relation): Tuple {
  const values: Tuple = {};
  const count = reader.uint16();
  for (const { name } of columns.slice(0, count)) {
    const kind = String.fromCharCode(reader.byte());
    if (kind === "n") values[name] = null;
    else if (kind === "t") values[name] = reader.sized();
  }
  return values;
}

/** Of a key only, Postgres sends nulls in the other columns' places. */
function keyOf(values: Tuple, { columns }: Relation): Tuple {
  const names = columns.filter(({ key }) => key).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, values[name]!]));
}

class Reader {
  #at = 0;
  #view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.bytes.length;
  }

  skip(count: number): void {
    this.#at += count;
  }

  byte(): number {
    return this.bytes[this.#at++]!;
  }

  uint16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  uint32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  bigint(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8);
  }

  /** Text up to a zero byte. */
  text(): string {
    const start = this.#at;
    this.#at = this.bytes.indexOf(0, start) + 1;
    return new TextDecoder().decode(this.bytes.subarray(start, this.#at - 1));
  }

  /** Text of a length given before it. */
  sized(): string {
    const length = this.uint32();
    this.#at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.#at - length, this.#at));
  }
}
