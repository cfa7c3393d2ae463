// A Storage server for what supabase-js needs of buckets and objects, with the routes, policies and
// answers of hosted Storage. Bytes are in the state directory, everything else in the database.
import { join } from "node:path";
import type { Sql } from "postgres";
import { z } from "zod";
import { claimsOf, isBrowser } from "../api/tokens.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { assetOf, type AssetRequest, headOf, infoOf } from "./asset.ts";
import { BucketChange, BucketPage, Buckets, NewBucket, requireBucketName } from "./buckets.ts";
import { Bytes } from "./bytes.ts";
import { readBody, readPath } from "./input.ts";
import { type Caller, Objects, type Place } from "./objects.ts";
import { problemOf, problems } from "./problem.ts";
import { as, keptVersions, SERVER, type StoredObject } from "./rows.ts";
import { signPath, verifyPath } from "./signatures.ts";
import { readUpload } from "./upload.ts";

/** In seconds: how long a signed URL for an upload is good for, as hosted. */
const UPLOAD_EXPIRY = 7200;

const Expiry = z.object({ expiresIn: z.int().min(1) });
const Expiries = Expiry.extend({ paths: z.array(z.string()).min(1).max(1000) });
const Names = z.object({ prefixes: z.array(z.string()).min(1).max(1000) });
const Transfer = z.object({
  bucketId: z.string(),
  sourceKey: z.string(),
  destinationKey: z.string(),
  destinationBucket: z.string().nullish(),
});
const Page = z.object({
  prefix: z.string(),
  limit: z.int().min(1).default(100),
  offset: z.int().min(0).default(0),
  search: z.string().default(""),
  sortBy: z.object({ column: z.string().default("name"), order: z.string().default("asc") })
    .default({ column: "name", order: "asc" }),
});

/** One request to one place. */
interface Call {
  request: Request;
  url: URL;
  /** Whoever asks; throws when they have no valid token. */
  caller: () => Promise<Caller>;
}

export class StorageServer {
  readonly #bytes: Bytes;
  readonly #objects: Objects;
  readonly #buckets: Buckets;

  constructor(
    private readonly admin: Sql,
    private readonly secrets: Secrets,
    settings: Settings,
  ) {
    this.#bytes = new Bytes(join(settings.state, "storage"));
    this.#objects = new Objects(admin, this.#bytes, settings.fileSizeLimit);
    this.#buckets = new Buckets(admin, this.#objects);
  }

  async prepare(): Promise<void> {
    await this.#bytes.prepare((versions) => keptVersions(this.admin, versions));
  }

  /** Answers what is below /storage/v1/. */
  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    try {
      const [kind, ...rest] = readPath(url.pathname);
      const call = { request, url, caller: () => this.#callerOf(request) };
      const answer = kind === "bucket"
        ? await this.#answerBucket(call, rest)
        : kind === "object"
        ? await this.#answerObject(call, rest)
        : undefined;
      if (!answer) throw problems.noRoute(request.method, url.pathname);
      return answer;
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      // What is refused before it is read would else hold the connection.
      await request.body?.cancel().catch(() => {});
      return problem.toResponse();
    }
  }

  async #answerBucket(call: Call, [id, verb, ...more]: string[]): Promise<Response | undefined> {
    const { request, url } = call;
    const caller = await call.caller();
    const at = more.length > 0 ? "" : [request.method, id && ":id", verb].filter(Boolean).join(" ");
    switch (at) {
      case "GET": {
        const page = BucketPage.safeParse(Object.fromEntries(url.searchParams));
        if (!page.success) throw problems.invalidRequest("querystring is not valid");
        return Response.json(await this.#buckets.list(page.data, caller));
      }
      case "POST": {
        const bucket = await readBody(request, NewBucket);
        await this.#buckets.create(bucket, caller);
        return Response.json({ name: bucket.name });
      }
      case "GET :id":
        return Response.json(await this.#buckets.get(id!, caller));
      case "PUT :id":
        await this.#buckets.update(id!, await readBody(request, BucketChange), caller);
        return Response.json({ message: "Successfully updated" });
      case "DELETE :id":
        await this.#buckets.remove(id!, caller);
        return Response.json({ message: "Successfully deleted" });
      case "POST :id empty":
        await this.#buckets.empty(id!, caller);
        return Response.json({ message: "Successfully emptied" });
    }
  }

  async #answerObject(call: Call, path: string[]): Promise<Response | undefined> {
    const { method } = call.request;
    const [first, second] = path;
    if (method === "POST" && path.length === 1 && (first === "move" || first === "copy")) {
      return await this.#transfer(call, first);
    }
    if (first === "list" && method === "POST" && path.length === 2) {
      return this.#list(call, second!);
    }
    if (first === "upload" && second === "sign") {
      if (method === "POST") return await this.#signUpload(call, placeOf(path.slice(2)));
      if (method === "PUT") return await this.#uploadSigned(call, placeOf(path.slice(2)));
      return undefined;
    }
    if (first === "sign") {
      if (method === "POST" && path.length === 2) return await this.#signAll(call, second!);
      if (method === "POST") return await this.#sign(call, placeOf(path.slice(1)));
      if (isReading(method)) return await this.#readSigned(call, placeOf(path.slice(1)));
      return undefined;
    }
    const isInfo = first === "info" && method === "GET";
    const [access, ...place] = isInfo ? path.slice(1) : path;
    const isNamed = access === "public" || access === "authenticated";
    if (isReading(method) && (isInfo || isNamed || path.length > 1)) {
      const read = placeOf(isNamed ? place : isInfo ? path.slice(1) : path);
      return await this.#read(call, read, { isInfo, isPublic: access === "public" });
    }
    if (method === "DELETE" && path.length === 1) return await this.#removeAll(call, first!);
    if (path.length < 2) return undefined;
    switch (method) {
      case "POST":
        return await this.#upload(
          call,
          placeOf(path),
          call.request.headers.get("x-upsert") === "true",
        );
      case "PUT":
        return await this.#upload(call, placeOf(path), true);
      case "DELETE":
        await this.#objects.remove(placeOf(path), (await call.caller()).claims);
        return Response.json({ message: "Successfully deleted" });
    }
  }

  async #upload(call: Call, place: Place, isUpsert: boolean): Promise<Response> {
    const caller = await call.caller();
    // A refusal needs no body read: whether the bucket is there is asked first.
    await this.#objects.bucket(place.bucket);
    const object = await this.#objects.upload(
      place,
      await readUpload(call.request),
      caller,
      isUpsert,
    );
    return Response.json({ Id: object.id, Key: `${place.bucket}/${place.name}` });
  }

  async #signUpload(call: Call, place: Place): Promise<Response> {
    const caller = await call.caller();
    await this.#objects.bucket(place.bucket);
    const upsert = call.request.headers.get("x-upsert") === "true";
    await this.#objects.permitUpload(place, caller, upsert);
    const url = `${place.bucket}/${place.name}`;
    const more = { owner: caller.owner, upsert };
    const token = await signPath("upload", url, UPLOAD_EXPIRY, this.secrets, more);
    return Response.json({ url: `/object/upload/sign/${encodeURI(url)}?token=${token}`, token });
  }

  async #uploadSigned({ request, url }: Call, place: Place): Promise<Response> {
    const path = `${place.bucket}/${place.name}`;
    const token = url.searchParams.get("token") ?? "";
    const { owner, upsert } = await verifyPath("upload", path, token, this.secrets);
    const caller = { claims: SERVER, owner };
    await this.#objects.upload(place, await readUpload(request), caller, upsert === true);
    return Response.json({ Key: path });
  }

  async #sign(call: Call, place: Place): Promise<Response> {
    const { claims } = await call.caller();
    const { expiresIn } = await readBody(call.request, Expiry);
    await this.#objects.find(place, claims);
    return Response.json({ signedURL: await this.#signedUrl(place, expiresIn) });
  }

  async #signAll(call: Call, bucket: string): Promise<Response> {
    const { claims } = await call.caller();
    const { expiresIn, paths } = await readBody(call.request, Expiries);
    const found = await as(this.admin, claims, async (sql) =>
      await sql<{ name: string }[]>`
        select name from storage.objects where bucket_id = ${bucket} and name = any (${paths})`);
    const names = new Set(found.map(({ name }) => name));
    return Response.json(
      await Promise.all(paths.map(async (path) => ({
        error: names.has(path)
          ? null
          : "Either the object does not exist or you do not have access to it",
        path,
        signedURL: names.has(path)
          ? await this.#signedUrl({ bucket, name: path }, expiresIn)
          : null,
      }))),
    );
  }

  async #signedUrl({ bucket, name }: Place, expiresIn: number): Promise<string> {
    const url = `${bucket}/${name}`;
    const token = await signPath("download", url, expiresIn, this.secrets);
    return `/object/sign/${url}?token=${token}`;
  }

  async #readSigned({ request, url }: Call, place: Place): Promise<Response> {
    const token = url.searchParams.get("token") ?? "";
    const path = `${place.bucket}/${place.name}`;
    const { exp } = await verifyPath("download", path, token, this.secrets);
    const find = () => this.#objects.find(place, SERVER);
    return await this.#send(request, find, { ...assetRequest(request, url), expires: exp });
  }

  async #read(
    call: Call,
    place: Place,
    { isInfo, isPublic }: { isInfo: boolean; isPublic: boolean },
  ): Promise<Response> {
    const { request, url } = call;
    const bucket = await this.#objects.bucket(place.bucket);
    if (isPublic && !bucket.public) throw problems.noSuchBucket();
    // Without a token only what is public is there.
    const claims = bucket.public
      ? SERVER
      : request.headers.has("authorization")
      ? (await call.caller()).claims
      : undefined;
    if (!claims) throw problems.noSuchBucket();
    const find = () => this.#objects.find(place, claims);
    if (isInfo) return infoOf(await find());
    return await this.#send(request, find, assetRequest(request, url));
  }

  /** Looks the object up again when its bytes were replaced between the look and the read. */
  async #send(
    { method }: Request,
    find: () => Promise<StoredObject>,
    wanted: AssetRequest,
  ): Promise<Response> {
    if (method === "HEAD") return headOf(await find(), wanted);
    for (let tries = 0; tries < 3; tries++) {
      const response = await assetOf(this.#bytes, await find(), wanted);
      if (response) return response;
    }
    throw problems.noSuchKey();
  }

  async #list(call: Call, bucket: string): Promise<Response> {
    const { claims } = await call.caller();
    requireBucketName(bucket);
    const { prefix, search, limit, offset, sortBy } = await readBody(call.request, Page);
    const folder = prefix && !prefix.endsWith("/") ? `${prefix}/` : prefix;
    const depth = `${folder}${search}`.split("/").length;
    return Response.json(
      await as(this.admin, claims, async (sql) =>
        await sql`select * from storage.search(
          ${folder}, ${bucket}, ${limit}, ${depth}, ${offset}, ${search},
          ${sortBy.column}, ${sortBy.order})`),
    );
  }

  async #transfer(call: Call, verb: "move" | "copy"): Promise<Response> {
    const caller = await call.caller();
    const { bucketId, sourceKey, destinationKey, destinationBucket } = await readBody(
      call.request,
      Transfer,
    );
    const from = { bucket: bucketId, name: sourceKey };
    const to = { bucket: destinationBucket ?? bucketId, name: destinationKey };
    if (verb === "move") {
      const { id, name } = await this.#objects.move(from, to, caller);
      return Response.json({ message: "Successfully moved", Id: id, Key: name });
    }
    const isUpsert = call.request.headers.get("x-upsert") === "true";
    const copy = await this.#objects.copy(from, to, caller, isUpsert);
    return Response.json({ ...copy, Id: copy.id, Key: `${to.bucket}/${to.name}` });
  }

  async #removeAll(call: Call, bucket: string): Promise<Response> {
    const { claims } = await call.caller();
    const { prefixes } = await readBody(call.request, Names);
    return Response.json(await this.#objects.removeAll(bucket, prefixes, claims));
  }

  async #callerOf(request: Request): Promise<Caller> {
    const bearer = request.headers.get("authorization");
    const key = request.headers.get("apikey");
    const token = bearer?.replace(/^Bearer\s+/i, "") ?? key;
    if (!token) throw problems.accessDenied("headers must have required property 'authorization'");
    if (token === this.secrets.secretKey && isBrowser(request)) {
      throw problems.accessDenied("The secret key may not be used in a browser.");
    }
    const claims = await claimsOf(token, this.secrets).catch((error) => {
      throw problems.accessDenied(error.message);
    });
    // As hosted, where the server may become nobody else.
    if (!["anon", "authenticated", "service_role"].includes(claims.role)) {
      throw problems.accessDenied(`permission denied to set role "${claims.role}"`);
    }
    return { claims, owner: claims.sub };
  }
}

function isReading(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function assetRequest(request: Request, url: URL): AssetRequest {
  return { headers: request.headers, download: url.searchParams.get("download") };
}

function placeOf([bucket, ...name]: string[]): Place {
  requireBucketName(bucket ?? "");
  return { bucket: bucket!, name: name.join("/") };
}
