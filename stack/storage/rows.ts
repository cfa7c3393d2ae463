// The rows of buckets and objects. What a client asks is asked of Postgres as that client, so that the
// project's policies decide; what the server keeps for itself is done as service_role, as hosted.
import type { Sql, TransactionSql } from "postgres";
import type { Claims } from "../api/tokens.ts";

export interface Bucket {
  id: string;
  name: string;
  owner: string | null;
  public: boolean;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
  created_at: string;
  updated_at: string;
}

export interface Metadata {
  eTag: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  lastModified: string;
  contentLength: number;
  httpStatusCode: number;
}

export interface StoredObject {
  id: string;
  bucket_id: string;
  name: string;
  owner: string | null;
  owner_id: string | null;
  version: string;
  metadata: Metadata | null;
  user_metadata: Record<string, unknown> | null;
  created_at: string;
  updated_at: string;
  last_accessed_at: string;
}

export interface NewObject {
  bucket: string;
  name: string;
  version: string;
  owner: string | undefined;
  metadata: Partial<Metadata>;
  userMetadata: Record<string, unknown> | undefined;
}

export const SERVER: Claims = { role: "service_role" };

/** In ms: what policies and triggers may take. */
const PATIENCE = 10_000;

class Rollback extends Error {}

/** Runs in a transaction as whoever has these claims. */
export async function as<T>(
  admin: Sql,
  claims: Claims,
  run: (sql: TransactionSql) => Promise<T>,
): Promise<T> {
  return await admin.begin(async (sql) => {
    await sql`select
      set_config('role', ${claims.role}, true),
      set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
      set_config('statement_timeout', ${String(PATIENCE)}, true),
      set_config('storage.allow_delete_query', 'true', true)`;
    return await run(sql);
  }) as T;
}

/** Throws what the policies have against it; leaves nothing behind. */
export async function permit(
  admin: Sql,
  claims: Claims,
  run: (sql: TransactionSql) => Promise<unknown>,
): Promise<void> {
  await as(admin, claims, async (sql) => {
    await run(sql);
    throw new Rollback();
  }).catch((error) => {
    if (!(error instanceof Rollback)) throw error;
  });
}

export async function findBucket(
  sql: Sql | TransactionSql,
  id: string,
): Promise<Bucket | undefined> {
  const [bucket] = await sql<(Bucket & { file_size_limit: string | null })[]>`
    select id, name, owner, public, file_size_limit, allowed_mime_types, created_at, updated_at
    from storage.buckets where id = ${id}`;
  return bucket && { ...bucket, file_size_limit: numberOrNull(bucket.file_size_limit) };
}

/** bigint comes as text, so that it loses no digit. */
export function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}

export async function findObject(
  sql: Sql | TransactionSql,
  bucket: string,
  name: string,
): Promise<StoredObject | undefined> {
  const [object] = await sql<StoredObject[]>`
    select * from storage.objects where bucket_id = ${bucket} and name = ${name}`;
  return object;
}

/** Inserts, without a word about what is there already: that is the caller's to find out. */
export async function insertObject(sql: TransactionSql, object: NewObject): Promise<void> {
  await sql`insert into storage.objects ${sql(columnsOf(sql, object))}`;
}

export async function upsertObject(sql: TransactionSql, object: NewObject): Promise<StoredObject> {
  const [row] = await sql<StoredObject[]>`
    insert into storage.objects ${sql(columnsOf(sql, object))}
    on conflict (name, bucket_id) do update set
      version = excluded.version, owner = excluded.owner, owner_id = excluded.owner_id,
      metadata = excluded.metadata, user_metadata = excluded.user_metadata
    returning *`;
  return row!;
}

function columnsOf(sql: TransactionSql, object: NewObject) {
  const { bucket, name, version, owner, metadata, userMetadata } = object;
  return {
    bucket_id: bucket,
    name,
    version,
    owner: owner && isUuid(owner) ? owner : null,
    owner_id: owner ?? null,
    metadata: sql.json(metadata as never),
    user_metadata: userMetadata ? sql.json(userMetadata as never) : null,
  };
}

/** Until the transaction ends, nobody else changes the object of this name. */
export async function lockName(sql: TransactionSql, bucket: string, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`storage ${bucket}/${name}`}, 0))`;
}

export async function keptVersions(admin: Sql, versions: string[]): Promise<Set<string>> {
  const rows = await admin<{ version: string }[]>`
    select version from storage.objects where version = any (${versions})`;
  return new Set(rows.map(({ version }) => version));
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
