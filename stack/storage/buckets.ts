// What can be done with buckets, as whoever asks: without policies, that is for the secret key alone.
import type { Sql } from "postgres";
import { z } from "zod";
import type { Caller, Objects } from "./objects.ts";
import { problems } from "./problem.ts";
import { as, type Bucket, findBucket, numberOrNull } from "./rows.ts";

const Size = z.union([z.int().min(0), z.string()]).nullable();
const Types = z.array(z.string()).nullable();

export const NewBucket = z.object({
  id: z.string().optional(),
  name: z.string(),
  public: z.boolean().default(false),
  file_size_limit: Size.optional(),
  allowed_mime_types: Types.optional(),
});

export const BucketChange = z.object({
  public: z.boolean().optional(),
  file_size_limit: Size.optional(),
  allowed_mime_types: Types.optional(),
});

export const BucketPage = z.object({
  limit: z.coerce.number().int().min(1).optional(),
  offset: z.coerce.number().int().min(0).default(0),
  sortColumn: z.enum(["id", "name", "created_at", "updated_at"]).default("name"),
  sortOrder: z.enum(["asc", "desc"]).default("asc"),
  search: z.string().default(""),
});

export class Buckets {
  constructor(private readonly admin: Sql, private readonly objects: Objects) {}

  async create(bucket: z.infer<typeof NewBucket>, { claims, owner }: Caller): Promise<void> {
    const id = bucket.id || bucket.name;
    requireBucketName(bucket.name);
    requireBucketName(id);
    await as(this.admin, claims, async (sql) => {
      await sql`
        insert into storage.buckets
          (id, name, public, file_size_limit, allowed_mime_types, owner, owner_id)
        values (${id}, ${bucket.name}, ${bucket.public}, ${bytesOf(bucket.file_size_limit)},
          ${bucket.allowed_mime_types ?? null}, ${owner ?? null}, ${owner ?? null})`;
    });
  }

  async get(id: string, { claims }: Caller): Promise<Bucket> {
    const bucket = await as(this.admin, claims, (sql) => findBucket(sql, id));
    if (!bucket) throw problems.noSuchBucket();
    return bucket;
  }

  async list(page: z.infer<typeof BucketPage>, { claims }: Caller): Promise<Bucket[]> {
    const { limit, offset, sortColumn, sortOrder, search } = page;
    const rows = await as(this.admin, claims, async (sql) =>
      await sql<Bucket[]>`
        select id, name, owner, public, file_size_limit, allowed_mime_types, created_at, updated_at
        from storage.buckets
        where position(lower(${search}) in lower(name)) > 0
        order by ${sql(sortColumn)} ${sortOrder === "desc" ? sql`desc` : sql`asc`}
        limit ${limit ?? null} offset ${offset}`);
    return rows.map((row) => ({ ...row, file_size_limit: numberOrNull(row.file_size_limit) }));
  }

  async update(
    id: string,
    change: z.infer<typeof BucketChange>,
    { claims }: Caller,
  ): Promise<void> {
    const columns = Object.fromEntries(
      Object.entries({
        public: change.public,
        file_size_limit: change.file_size_limit === undefined
          ? undefined
          : bytesOf(change.file_size_limit),
        allowed_mime_types: change.allowed_mime_types,
      }).filter(([, value]) => value !== undefined),
    );
    if (Object.keys(columns).length === 0) throw problems.invalidRequest("No content provided");
    const { count } = await as(
      this.admin,
      claims,
      async (sql) => await sql`update storage.buckets set ${sql(columns)} where id = ${id}`,
    );
    if (count === 0) throw problems.noSuchBucket();
  }

  async remove(id: string, { claims }: Caller): Promise<void> {
    await this.objects.bucket(id);
    const [used] = await this.admin`
      select exists (select from storage.objects where bucket_id = ${id}) as "isUsed"`;
    if (used!.isUsed) throw problems.bucketNotEmpty();
    const { count } = await as(
      this.admin,
      claims,
      async (sql) => await sql`delete from storage.buckets where id = ${id}`,
    );
    if (count === 0) throw problems.noSuchBucket();
  }

  /** At once, where hosted Storage puts it into a queue. */
  async empty(id: string, caller: Caller): Promise<void> {
    await this.get(id, caller);
    for (;;) {
      const names = await as(
        this.admin,
        caller.claims,
        async (sql) =>
          await sql<{ name: string }[]>`
          select name from storage.objects where bucket_id = ${id} limit 1000`,
      );
      const removed = await this.objects.removeAll(
        id,
        names.map(({ name }) => name),
        caller.claims,
      );
      if (removed.length === 0) return;
    }
  }
}

export function requireBucketName(name: string): void {
  const isValid = /^[A-Za-z0-9_!.*'() &$=@;:+,?-]{1,100}$/.test(name) && name.trim() === name;
  if (!isValid) throw problems.invalidBucketName();
}

/** Bytes, or a text such as `20MB`. */
export function bytesOf(size: number | string | null | undefined): number | null {
  if (typeof size !== "string") return size ?? null;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(gb|mb|kb|b)$/i.exec(size) ?? [];
  if (!digits) {
    throw problems.invalidRequest("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B");
  }
  const power = ["b", "kb", "mb", "gb"].indexOf(unit!.toLowerCase());
  return Math.floor(Number(digits) * 1000 ** power);
}
