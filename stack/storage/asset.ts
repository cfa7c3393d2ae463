// An object as an answer: whole, a range of it, or only what is known of it.
import { type Bytes, streamOf } from "./bytes.ts";
import { problems } from "./problem.ts";
import type { StoredObject } from "./rows.ts";

export interface AssetRequest {
  headers: Headers;
  /** The name to save it by; empty to save it by its own. */
  download: string | null;
  /** Seconds since 1970, of a signed URL. */
  expires?: number;
}

/** The answer to HEAD. */
export function headOf(object: StoredObject, request: AssetRequest): Response {
  return new Response(null, { headers: headersOf(object, request) });
}

/** The bytes; undefined when this version has just been replaced. */
export async function assetOf(
  bytes: Bytes,
  object: StoredObject,
  request: AssetRequest,
): Promise<Response | undefined> {
  const headers = headersOf(object, request);
  if (isKnown(object, request.headers)) return new Response(null, { status: 304, headers });
  const size = object.metadata?.size ?? 0;
  const wanted = request.headers.get("range");
  const range = wanted ? readRange(wanted, size) : undefined;
  const file = await bytes.open(object.version);
  if (!file) return undefined;
  const { start, length } = range ?? { start: 0, length: size };
  headers.set("content-length", String(length));
  if (range) headers.set("content-range", `bytes ${start}-${start + length - 1}/${size}`);
  return new Response(streamOf(file, start, length), { status: range ? 206 : 200, headers });
}

export function infoOf(object: StoredObject): Response {
  const { id, name, version, bucket_id, metadata, user_metadata, updated_at, created_at } = object;
  return Response.json({
    id,
    name,
    version,
    bucket_id,
    size: metadata?.size ?? null,
    content_type: metadata?.mimetype ?? null,
    cache_control: metadata?.cacheControl ?? null,
    etag: metadata?.eTag ?? null,
    metadata: user_metadata,
    last_modified: updated_at,
    created_at,
  });
}

function headersOf({ metadata }: StoredObject, { download, expires }: AssetRequest): Headers {
  const headers = new Headers({
    "accept-ranges": "bytes",
    "content-type": harmless(metadata?.mimetype),
    "content-length": String(metadata?.size ?? 0),
    "x-robots-tag": "none",
    // Unlike hosted Storage, this shares an origin with the console: nothing that is served may run.
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
  });
  if (metadata) {
    headers.set("etag", metadata.eTag);
    headers.set("last-modified", new Date(metadata.lastModified).toUTCString());
  }
  if (expires) headers.set("expires", new Date(expires * 1000).toUTCString());
  else if (metadata) headers.set("cache-control", metadata.cacheControl);
  if (download !== null) {
    const name = encodeURIComponent(download);
    headers.set(
      "content-disposition",
      name ? `attachment; filename=${name}; filename*=UTF-8''${name}` : "attachment;",
    );
  }
  return headers;
}

/** As hosted: a page is shown as text. And a type that is no header is no type. */
function harmless(mimetype: string | undefined): string {
  if (!mimetype || !/^[\x20-\x7e]+$/.test(mimetype)) return "application/octet-stream";
  return mimetype.includes("text/html") ? "text/plain" : mimetype;
}

function isKnown({ metadata }: StoredObject, headers: Headers): boolean {
  const etag = headers.get("if-none-match");
  if (etag) return etag === metadata?.eTag;
  const since = headers.get("if-modified-since");
  return Boolean(since && metadata) &&
    Math.floor(Date.parse(metadata!.lastModified) / 1000) <= Date.parse(since!) / 1000;
}

/** One range of bytes. Throws when there is no such part. */
function readRange(header: string, size: number): { start: number; length: number } {
  const [matched, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (!matched || (!first && !last) || size === 0) throw problems.invalidRange();
  if (!first) {
    const length = Math.min(Number(last), size);
    if (length === 0) throw problems.invalidRange();
    return { start: size - length, length };
  }
  const start = Number(first);
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  if (start > end) throw problems.invalidRange();
  return { start, length: end - start + 1 };
}
