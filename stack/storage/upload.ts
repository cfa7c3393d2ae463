// What an upload's body says: the bytes as they come, and what goes with them. Either the body is the
// file, or it is a form whose one file stands last, as supabase-js sends a Blob.
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { once } from "node:events";
import { Readable } from "node:stream";
import { problems } from "./problem.ts";

export interface Upload {
  bytes: AsyncIterable<Uint8Array>;
  mimetype: string;
  cacheControl: string;
  userMetadata: Record<string, unknown> | undefined;
  /** As announced; of a form only roughly the size. */
  contentLength: number | undefined;
}

const LARGEST_METADATA = 1024 * 1024;

export async function readUpload(request: Request): Promise<Upload> {
  const { headers } = request;
  const type = headers.get("content-type") ?? "application/octet-stream";
  const length = Number(headers.get("content-length") ?? NaN);
  const contentLength = Number.isFinite(length) ? length : undefined;
  if (type.startsWith("multipart/form-data")) {
    return { ...await readForm(request, type), contentLength };
  }
  return {
    bytes: request.body ?? empty(),
    mimetype: type,
    cacheControl: headers.get("cache-control") ?? "no-cache",
    userMetadata: fromBase64(headers.get("x-metadata")),
    contentLength,
  };
}

async function* empty(): AsyncGenerator<Uint8Array> {}

async function readForm(request: Request, type: string): Promise<Omit<Upload, "contentLength">> {
  const fields = new Map<string, string>();
  let parser: BusboyInstance;
  try {
    parser = new Busboy({
      headers: { "content-type": type },
      limits: { fields: 10, files: 1, fieldSize: LARGEST_METADATA + 1 },
    });
  } catch {
    throw problems.invalidRequest("No content provided");
  }
  parser.on("field", (name: string, value: string) => fields.set(name, value));
  const body = Readable.fromWeb((request.body ?? new Blob([]).stream()) as never);
  const file = Promise.withResolvers<{ stream: Readable; mimetype: string }>();
  parser.on("file", (_field, stream, _name, _encoding, mimetype) => {
    // Listened to from the start: it may fail before anybody reads it.
    stream.on("error", () => {});
    body.on("error", (error) => stream.destroy(error));
    file.resolve({ stream, mimetype });
  });
  const refuse = () => file.reject(problems.invalidRequest("No content provided"));
  parser.on("finish", refuse);
  parser.on("error", refuse);
  body.on("error", (error: Error) => parser.destroy(error));
  body.pipe(parser);

  const { stream, mimetype } = await file.promise;
  const metadata = fields.get("metadata") ?? fields.get("userMetadata");
  if (metadata && metadata.length > LARGEST_METADATA) throw problems.tooLarge("user_metadata");
  const seconds = fields.get("cacheControl");
  return {
    bytes: wholeFile(stream, parser),
    mimetype: fields.get("contentType") ?? mimetype,
    cacheControl: seconds ? `max-age=${seconds}` : "no-cache",
    userMetadata: metadata ? parse(metadata) : undefined,
  };
}

/** The file's bytes; it ends well only if the form does, too. */
async function* wholeFile(stream: Readable, parser: BusboyInstance): AsyncGenerator<Uint8Array> {
  const ended = once(parser, "finish");
  ended.catch(() => {});
  try {
    yield* stream;
    await ended;
  } catch {
    throw problems.invalidRequest("The body ended before it was whole.");
  }
}

function fromBase64(text: string | null): Record<string, unknown> | undefined {
  if (!text) return undefined;
  try {
    return parse(new TextDecoder().decode(Uint8Array.fromBase64(text)));
  } catch {
    return undefined;
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Throws unless the bucket takes this type. */
export function requireType(mimetype: string, allowed: string[] | null): void {
  if (!allowed?.length) return;
  const [kind, sort] = mimetype.split("/");
  const fits = sort !== undefined && allowed.some((pattern) => {
    const [wantedKind, wantedSort] = pattern.split("/");
    return wantedKind === kind && (wantedSort === "*" || wantedSort === sort);
  });
  if (!fits) throw problems.invalidMimeType(mimetype);
}
