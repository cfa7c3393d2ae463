// What can be done with objects: each asks the policies first, then changes bytes and row together.
import type { Sql } from "postgres";
import { isDisconnected } from "../api/errors.ts";
import type { Claims } from "../api/tokens.ts";
import type { Bytes } from "./bytes.ts";
import { problems } from "./problem.ts";
import {
  as,
  type Bucket,
  findBucket,
  findObject,
  insertObject,
  lockName,
  type Metadata,
  type NewObject,
  permit,
  SERVER,
  type StoredObject,
  upsertObject,
} from "./rows.ts";
import { requireType, type Upload } from "./upload.ts";

/** Who asks, and on whose behalf a new object is kept. */
export interface Caller {
  claims: Claims;
  owner: string | undefined;
}

export interface Place {
  bucket: string;
  name: string;
}

export class Objects {
  constructor(
    private readonly admin: Sql,
    private readonly bytes: Bytes,
    /** In bytes: of the whole project. */
    private readonly largest: number,
  ) {}

  /** Throws unless the bucket is there. Says nothing of whether anybody may see it. */
  async bucket(id: string): Promise<Bucket> {
    const bucket = await findBucket(this.admin, id);
    if (!bucket) throw problems.noSuchBucket();
    return bucket;
  }

  async find({ bucket, name }: Place, claims: Claims): Promise<StoredObject> {
    requireKey(name);
    const object = await as(this.admin, claims, (sql) => findObject(sql, bucket, name));
    if (!object) throw problems.noSuchKey();
    return object;
  }

  async upload(
    { bucket: id, name }: Place,
    upload: Upload,
    caller: Caller,
    isUpsert: boolean,
  ): Promise<StoredObject> {
    const bucket = await this.bucket(id);
    const limit = Math.min(bucket.file_size_limit ?? Infinity, this.largest);
    requireType(upload.mimetype, bucket.allowed_mime_types);
    requireKey(name);
    const { mimetype, cacheControl, userMetadata, contentLength } = upload;
    await this.permitUpload({ bucket: id, name }, caller, isUpsert, {
      metadata: { mimetype, contentLength },
      userMetadata,
    });
    const { version, size, etag } = await this.bytes.write(upload.bytes, limit);
    return await this.#keep(
      {
        bucket: id,
        name,
        version,
        owner: caller.owner,
        metadata: metadataOf({ etag, size, mimetype, cacheControl }),
        userMetadata,
      },
      isUpsert,
    );
  }

  /** Throws what the policies have against an upload. */
  async permitUpload(
    { bucket, name }: Place,
    { claims, owner }: Caller,
    isUpsert: boolean,
    { metadata = {}, userMetadata }: Partial<Pick<NewObject, "metadata" | "userMetadata">> = {},
  ): Promise<void> {
    requireKey(name);
    const object = { bucket, name, owner, version: "1", metadata, userMetadata };
    await permit(
      this.admin,
      claims,
      (sql) => isUpsert ? upsertObject(sql, object) : insertObject(sql, object),
    );
  }

  async copy(from: Place, to: Place, caller: Caller, isUpsert: boolean): Promise<StoredObject> {
    const source = await this.find(from, caller.claims);
    const { metadata, user_metadata: userMetadata } = source;
    const more = { metadata: metadata ?? {}, userMetadata: userMetadata ?? undefined };
    await this.permitUpload(to, caller, isUpsert, more);
    const file = await this.bytes.open(source.version);
    if (!file) throw problems.noSuchKey();
    const { version } = await this.bytes.write(file.readable, Infinity);
    return await this.#keep({ ...to, ...more, version, owner: caller.owner }, isUpsert);
  }

  async move(from: Place, to: Place, { claims }: Caller): Promise<StoredObject> {
    requireKey(to.name);
    return await as(this.admin, claims, async (sql) => {
      if (!await findObject(sql, from.bucket, from.name)) throw problems.noSuchKey();
      const [moved] = await sql<StoredObject[]>`
        update storage.objects set bucket_id = ${to.bucket}, name = ${to.name}
        where bucket_id = ${from.bucket} and name = ${from.name}
        returning *`;
      if (!moved) throw problems.accessDenied("new row violates row-level security policy");
      return moved;
    });
  }

  async remove(place: Place, claims: Claims): Promise<void> {
    const isThere = await findObject(this.admin, place.bucket, place.name);
    if (!isThere) throw problems.noSuchKey();
    if ((await this.removeAll(place.bucket, [place.name], claims)).length === 0) {
      throw problems.accessDenied();
    }
  }

  /** Returns what was removed: what the caller may not see or remove is passed over. */
  async removeAll(bucket: string, names: string[], claims: Claims): Promise<StoredObject[]> {
    const removed = await as(this.admin, claims, async (sql) =>
      await sql<StoredObject[]>`
        delete from storage.objects where bucket_id = ${bucket} and name = any (${names})
        returning *`);
    await this.bytes.remove(removed.map(({ version }) => version));
    return removed;
  }

  /** Makes the row of bytes that are written; takes them away again if that fails. */
  async #keep(object: NewObject, isUpsert: boolean): Promise<StoredObject> {
    const { bucket, name, version } = object;
    try {
      const [row, previous] = await as(this.admin, SERVER, async (sql) => {
        await lockName(sql, bucket, name);
        const previous = await findObject(sql, bucket, name);
        if (previous && !isUpsert) throw problems.alreadyExists();
        return [await upsertObject(sql, object), previous] as const;
      });
      if (previous) await this.bytes.remove([previous.version]);
      return row;
    } catch (error) {
      // Who lost the connection does not know what became of the row; the next start will see.
      if (!isDisconnected(error)) await this.bytes.remove([version]);
      throw error;
    }
  }
}

function metadataOf(
  { etag, size, mimetype, cacheControl }: {
    etag: string;
    size: number;
    mimetype: string;
    cacheControl: string;
  },
): Metadata {
  return {
    eTag: etag,
    size,
    mimetype,
    cacheControl,
    lastModified: new Date().toISOString(),
    contentLength: size,
    httpStatusCode: 200,
  };
}

/** As hosted: the signs that every object store takes. */
function requireKey(name: string): void {
  if (!/^[A-Za-z0-9_/!.*'() &$=@;:+,?-]+$/.test(name)) throw problems.invalidKey(name);
}
