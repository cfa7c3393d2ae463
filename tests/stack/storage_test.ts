// Storage as unmodified supabase-js sees it: the calls and the answers of hosted Storage.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { connect as openSocket } from "node:net";
import { join } from "node:path";
import {
  type Client,
  connect,
  publishableClient,
  serviceClient,
  signUp,
  stackEnv,
  until,
} from "../stack.ts";

const url = stackEnv("SUPABASE_URL");
const files = join(stackEnv("AURA_STATE_DIR"), "storage");
const service = serviceClient();

interface OwnBucket extends AsyncDisposable {
  id: string;
}

/** A private bucket, open to whoever is signed in for these operations. */
async function bucket(
  operations: string[] = [],
  options: { public?: boolean; fileSizeLimit?: number; allowedMimeTypes?: string[] } = {},
): Promise<OwnBucket> {
  const id = `test-${crypto.randomUUID()}`;
  const { error } = await service.storage.createBucket(id, { public: false, ...options });
  assert.ifError(error);
  await using sql = connect();
  for (const operation of operations) {
    const condition = operation === "insert" ? "with check" : "using";
    await sql.unsafe(`create policy "${id} ${operation}" on storage.objects for ${operation}
      to authenticated ${condition} (bucket_id = '${id}')`);
  }
  return {
    id,
    async [Symbol.asyncDispose]() {
      await using sql = connect();
      for (const operation of operations) {
        await sql.unsafe(`drop policy "${id} ${operation}" on storage.objects`);
      }
      await service.storage.emptyBucket(id);
      await service.storage.deleteBucket(id);
    },
  };
}

/** What an error of the API says. */
function refusal(error: unknown) {
  const { status, statusCode, message } = error as Record<string, unknown>;
  return { status, statusCode, message };
}

const DUPLICATE = { status: 400, statusCode: "409", message: "The resource already exists" };
const NOT_FOUND = { status: 400, statusCode: "404", message: "Object not found" };
const REFUSED = {
  status: 400,
  statusCode: "403",
  message: "new row violates row-level security policy",
};

async function textOf(client: Client, bucket: string, path: string): Promise<string> {
  const { data, error } = await client.storage.from(bucket).download(path);
  assert.ifError(error);
  return await data!.text();
}

Deno.test("upload() keeps a Blob, a text and a stream, byte for byte", async () => {
  await using own = await bucket(["insert", "select"]);
  const { client, id } = await signUp("viewer");
  const api = client.storage.from(own.id);
  const bytes = new Uint8Array(randomBytes(200_007));
  const bodies = {
    "a/blob.bin": new Blob([bytes], { type: "image/png" }),
    "a/text.txt": "grüße",
    "a/stream.bin": new Blob([bytes]).stream(),
    "a/array.bin": bytes.buffer,
    "a/empty.txt": new Blob([]),
  };
  for (const [path, body] of Object.entries(bodies)) {
    const { data, error } = await api.upload(path, body, { duplex: "half" });
    assert.ifError(error);
    assert.equal(data!.path, path);
    assert.equal(data!.fullPath, `${own.id}/${path}`);
    assert.match(data!.id, /^[0-9a-f-]{36}$/);
  }
  assert.equal(await textOf(client, own.id, "a/text.txt"), "grüße");
  for (const path of ["a/blob.bin", "a/stream.bin", "a/array.bin"]) {
    const { data } = await api.download(path);
    assert.deepEqual(new Uint8Array(await data!.arrayBuffer()), bytes);
  }
  const { data: info } = await api.info("a/blob.bin");
  assert.equal(info!.size, bytes.length);
  assert.equal(info!.contentType, "image/png");
  assert.equal(info!.cacheControl, "max-age=3600");
  assert.equal(info!.etag, `"${createHash("md5").update(bytes).digest("hex")}"`);
  await using sql = connect();
  const [row] = await sql`
    select owner, owner_id from storage.objects where bucket_id = ${own.id} and name = 'a/blob.bin'`;
  assert.deepEqual({ ...row }, { owner: id, owner_id: id });
});

Deno.test("upload() does not replace what is there, and upsert needs the update policy", async () => {
  await using own = await bucket(["insert", "select"]);
  const { client } = await signUp("viewer");
  const api = client.storage.from(own.id);
  await api.upload("one.txt", "first");
  assert.deepEqual(refusal((await api.upload("one.txt", "second")).error), DUPLICATE);
  const upsert = await api.upload("one.txt", "second", { upsert: true });
  assert.deepEqual(refusal(upsert.error), REFUSED);
  assert.deepEqual(refusal((await api.update("one.txt", "second")).error), REFUSED);
  assert.equal(await textOf(client, own.id, "one.txt"), "first");
  await using sql = connect();
  await sql.unsafe(`create policy "${own.id} update" on storage.objects for update
    to authenticated using (bucket_id = '${own.id}')`);
  assert.ifError((await api.upload("one.txt", "second", { upsert: true })).error);
  assert.ifError((await api.update("one.txt", "third")).error);
  assert.equal(await textOf(client, own.id, "one.txt"), "third");
  await sql.unsafe(`drop policy "${own.id} update" on storage.objects`);
});

Deno.test("whoever is not signed in may do what a policy for anon says", async () => {
  await using own = await bucket();
  await using sql = connect();
  await sql.unsafe(`create policy "${own.id} anon" on storage.objects for all to anon
    using (bucket_id = '${own.id}') with check (bucket_id = '${own.id}')`);
  const api = publishableClient().storage.from(own.id);
  const file = new Blob(["Hello"], { type: "text/plain" });
  for (let times = 0; times < 2; times++) {
    assert.ifError((await api.upload("file.txt", file, { upsert: true })).error);
  }
  assert.deepEqual((await api.list()).data!.map(({ name }) => name), ["file.txt"]);
  assert.equal((await api.remove(["file.txt"])).data!.length, 1);
  await sql.unsafe(`drop policy "${own.id} anon" on storage.objects`);
});

Deno.test("Storage shows and gives nothing without a policy", async () => {
  await using own = await bucket();
  const { client } = await signUp("admin");
  await service.storage.from(own.id).upload("secret.txt", "secret");
  for (const who of [client, publishableClient()]) {
    const api = who.storage.from(own.id);
    assert.deepEqual(refusal((await api.upload("x.txt", "x")).error), REFUSED);
    const [download] = await Promise.all([api.download("secret.txt")]);
    assert.equal((download.error as { status?: number }).status, 400);
    assert.deepEqual((await api.list()).data, []);
    assert.deepEqual((await api.remove(["secret.txt"])).data, []);
    assert.deepEqual(refusal((await api.info("secret.txt")).error), NOT_FOUND);
    assert.deepEqual(refusal((await api.createSignedUrl("secret.txt", 60)).error), NOT_FOUND);
    assert.deepEqual(refusal((await api.createSignedUploadUrl("x.txt")).error), REFUSED);
    assert.equal((await api.exists("secret.txt")).data, false);
    assert.deepEqual((await who.storage.listBuckets()).data, []);
    assert.deepEqual(refusal((await who.storage.createBucket("mine")).error), REFUSED);
    const { data } = await api.createSignedUrls(["secret.txt"], 60);
    assert.equal(data![0]!.signedUrl, null);
    assert.match(data![0]!.error!, /does not exist or you do not have access/);
  }
  assert.equal(await textOf(service, own.id, "secret.txt"), "secret");
});

Deno.test("download() gives a range, and refuses one that is not there", async () => {
  await using own = await bucket();
  await service.storage.from(own.id).upload("digits.txt", "0123456789");
  const key = stackEnv("SUPABASE_SECRET_KEY");
  const get = (range: string) =>
    fetch(`${url}/storage/v1/object/${own.id}/digits.txt`, {
      headers: { apikey: key, authorization: `Bearer ${key}`, range },
    });
  for (
    const [range, text, content] of [
      ["bytes=2-4", "234", "bytes 2-4/10"],
      ["bytes=7-", "789", "bytes 7-9/10"],
      ["bytes=-3", "789", "bytes 7-9/10"],
      ["bytes=8-99", "89", "bytes 8-9/10"],
    ] as const
  ) {
    const response = await get(range);
    assert.equal(response.status, 206, range);
    assert.equal(response.headers.get("content-range"), content);
    assert.equal(response.headers.get("content-length"), String(text.length));
    assert.equal(await response.text(), text);
  }
  for (const range of ["bytes=10-", "bytes=4-2", "bytes=-0", "bytes=0-1,3-4", "lines=1-2"]) {
    const response = await get(range);
    assert.deepEqual([response.status, await response.json()], [416, {
      statusCode: "416",
      code: "InvalidRange",
      error: "invalid_range",
      message: "invalid range provided",
    }]);
  }
});

Deno.test("HEAD tells what there is, and a known object is not sent again", async () => {
  await using own = await bucket();
  await service.storage.from(own.id).upload("page.html", "<script>alert(1)</script>", {
    contentType: "text/html",
    cacheControl: "60",
  });
  const key = stackEnv("SUPABASE_SECRET_KEY");
  const ask = (method: string, headers = {}) =>
    fetch(`${url}/storage/v1/object/authenticated/${own.id}/page.html`, {
      method,
      headers: { apikey: key, authorization: `Bearer ${key}`, ...headers },
    });
  const head = await ask("HEAD");
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "25");
  assert.equal(head.headers.get("cache-control"), "max-age=60");
  // A page is shown as text, and may not run where it shares the console's origin.
  assert.equal(head.headers.get("content-type"), "text/plain");
  assert.match(head.headers.get("content-security-policy")!, /^sandbox;/);
  const again = await ask("GET", { "if-none-match": head.headers.get("etag")! });
  await again.body?.cancel();
  assert.equal(again.status, 304);
  const api = service.storage.from(own.id);
  assert.equal((await api.exists("page.html")).data, true);
  assert.equal((await api.exists("nothing.html")).data, false);
});

Deno.test("a signed URL opens one object, for its time, to whoever has it", async () => {
  await using own = await bucket(["select"]);
  await service.storage.from(own.id).upload("b/signed.txt", "signed");
  await service.storage.from(own.id).upload("b/other.txt", "other");
  const { client } = await signUp("viewer");
  const api = client.storage.from(own.id);
  const { data, error } = await api.createSignedUrl("b/signed.txt", 60, { download: "a name.txt" });
  assert.ifError(error);
  const response = await fetch(data!.signedUrl);
  assert.equal(
    response.headers.get("content-disposition"),
    "attachment; filename=a%20name.txt; filename*=UTF-8''a%20name.txt",
  );
  assert.equal(await response.text(), "signed");
  const refused = async (address: string, init?: RequestInit) => {
    const answer = await fetch(address, init);
    return [answer.status, (await answer.json()).code];
  };
  const { data: urls } = await api.createSignedUrls(["b/signed.txt", "b/none.txt"], 60);
  assert.equal(await (await fetch(urls![0]!.signedUrl!)).text(), "signed");
  assert.equal(urls![1]!.signedUrl, null);
  const elsewhere = data!.signedUrl.replace("signed.txt", "other.txt");
  assert.deepEqual(await refused(elsewhere), [400, "InvalidSignature"]);
  const asUpload = data!.signedUrl.replace("/object/sign/", "/object/upload/sign/");
  assert.deepEqual(await refused(asUpload, { method: "PUT", body: "x" }), [
    400,
    "InvalidSignature",
  ]);
  assert.deepEqual(await refused(`${data!.signedUrl.split("?")[0]}?token=x.y.z`), [
    400,
    "InvalidJWT",
  ]);
  // The token of a URL is no access token.
  const token = new URL(data!.signedUrl).searchParams.get("token")!;
  const answer = await fetch(`${url}/storage/v1/bucket`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal((await answer.json()).statusCode, "403");
});

Deno.test("a signed URL for an upload takes one object, on behalf of who signed it", async () => {
  await using own = await bucket(["insert"]);
  const { client, id } = await signUp("viewer");
  const api = client.storage.from(own.id);
  const { data, error } = await api.createSignedUploadUrl("up.txt");
  assert.ifError(error);
  const anon = publishableClient().storage.from(own.id);
  const upload = await anon.uploadToSignedUrl("up.txt", data!.token, new Blob(["up"]));
  assert.ifError(upload.error);
  assert.equal(upload.data!.fullPath, `${own.id}/up.txt`);
  const again = await anon.uploadToSignedUrl("up.txt", data!.token, "again");
  assert.deepEqual(refusal(again.error), DUPLICATE);
  const other = await anon.uploadToSignedUrl("other.txt", data!.token, "other");
  assert.equal((other.error as { statusCode?: string }).statusCode, "400");
  const put = await fetch(data!.signedUrl, { method: "PUT", body: "plain" });
  assert.equal((await put.json()).error, "Duplicate");
  await using sql = connect();
  const [row] = await sql`select owner_id from storage.objects where bucket_id = ${own.id}`;
  assert.equal(row!.owner_id, id);
});

Deno.test("list() shows folders and files of one level, in pages and in order", async () => {
  await using own = await bucket();
  const api = service.storage.from(own.id);
  for (const path of ["b.txt", "a.txt", "dir/one.txt", "dir/deep/two.txt", "dir_x.txt"]) {
    assert.ifError((await api.upload(path, path)).error);
  }
  const names = async (...args: Parameters<typeof api.list>) =>
    (await api.list(...args)).data!.map(({ name }) => name);
  assert.deepEqual(await names(), ["a.txt", "b.txt", "dir", "dir_x.txt"]);
  assert.deepEqual(await names("dir"), ["deep", "one.txt"]);
  assert.deepEqual(await names("", { limit: 2, offset: 1 }), ["b.txt", "dir"]);
  assert.deepEqual(await names("", { search: "dir_" }), ["dir_x.txt"]);
  assert.deepEqual(await names("", { sortBy: { column: "name", order: "desc" } }), [
    "dir_x.txt",
    "dir",
    "b.txt",
    "a.txt",
  ]);
  const { data } = await api.list("dir");
  assert.equal(data![0]!.id, null);
  assert.equal(data![1]!.metadata!.size, 11);
});

Deno.test("remove() takes away row and bytes; copy() and move() keep both together", async () => {
  await using own = await bucket();
  const api = service.storage.from(own.id);
  await api.upload("from.txt", "content");
  assert.equal((await api.copy("from.txt", "copy.txt")).data!.path, `${own.id}/copy.txt`);
  assert.ifError((await api.move("from.txt", "to/moved.txt")).error);
  assert.deepEqual(refusal((await api.info("from.txt")).error), NOT_FOUND);
  assert.equal(await textOf(service, own.id, "copy.txt"), "content");
  assert.equal(await textOf(service, own.id, "to/moved.txt"), "content");
  await using sql = connect();
  const versions = (await sql<{ version: string }[]>`
    select version from storage.objects where bucket_id = ${own.id}`).map(({ version }) => version);
  const { data, error } = await api.remove(["copy.txt", "to/moved.txt", "nothing.txt"]);
  assert.ifError(error);
  assert.deepEqual(data!.map(({ name }) => name).sort(), ["copy.txt", "to/moved.txt"]);
  for (const version of versions) {
    await assert.rejects(Deno.stat(join(files, version)), Deno.errors.NotFound);
  }
});

Deno.test("SQL cannot delete an object, which would leave its bytes behind", async () => {
  await using own = await bucket();
  await service.storage.from(own.id).upload("kept.txt", "kept");
  await using sql = connect();
  await assert.rejects(
    sql`delete from storage.objects where bucket_id = ${own.id}`,
    /Direct deletion from storage tables is not allowed/,
  );
});

Deno.test("upload() is held to the bucket's size and types", async () => {
  await using own = await bucket([], { fileSizeLimit: 1000, allowedMimeTypes: ["image/*"] });
  const api = service.storage.from(own.id);
  const image = (size: number) => new Blob([new Uint8Array(size)], { type: "image/png" });
  assert.ifError((await api.upload("fits.png", image(1000))).error);
  const tooLarge = {
    status: 400,
    statusCode: "413",
    message: "The object exceeded the maximum allowed size",
  };
  assert.deepEqual(refusal((await api.upload("form.png", image(1001))).error), tooLarge);
  const stream = await api.upload("stream.png", image(1001).stream(), {
    duplex: "half",
    contentType: "image/png",
  });
  assert.deepEqual(refusal(stream.error), tooLarge);
  const text = await api.upload("text.txt", "text", { contentType: "text/plain" });
  assert.deepEqual(refusal(text.error), {
    status: 400,
    statusCode: "415",
    message: "mime type text/plain is not supported",
  });
  assert.deepEqual((await api.list()).data!.map(({ name }) => name), ["fits.png"]);
});

Deno.test("an upload without end is given up as soon as it is known", async () => {
  await using own = await bucket([], { fileSizeLimit: 5_000_000 });
  const key = stackEnv("SUPABASE_SECRET_KEY");
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 1_000_000;
      controller.enqueue(new Uint8Array(1_000_000));
    },
  });
  const response = await fetch(`${url}/storage/v1/object/${own.id}/endless.bin`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: endless,
    duplex: "half",
  } as RequestInit).catch(() => undefined);
  if (response) assert.equal((await response.json()).statusCode, "413");
  assert(sent < 500_000_000);
  await until(async () => (await drafts()).length === 0, "the draft to go");
});

async function drafts(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(files)) if (name.endsWith(".new")) names.push(name);
  return names;
}

Deno.test("an upload that is cut off leaves no object and no bytes", async () => {
  await using own = await bucket();
  const { hostname, port } = new URL(url);
  for (const type of ["text/plain", "multipart/form-data; boundary=x"]) {
    const socket = openSocket(Number(port), hostname);
    socket.on("error", () => {});
    const part = type.includes("multi")
      ? 'Content-Disposition: form-data; name=""; filename="x"\r\n\r\n'
      : "";
    socket.write(
      `POST /storage/v1/object/${own.id}/cut.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n` +
        `Authorization: Bearer ${
          stackEnv("SUPABASE_SECRET_KEY")
        }\r\nContent-Type: ${type}\r\n\r\n` +
        (part && `--x\r\n${part}`) + "x".repeat(100),
    );
    await until(async () => (await drafts()).length > 0, "the upload to begin");
    socket.destroy();
    await until(async () => (await drafts()).length === 0, "the draft to go");
  }
  assert.deepEqual((await service.storage.from(own.id).list()).data, []);
});

Deno.test("Storage refuses names that are no keys, and forms without a file", async () => {
  await using own = await bucket();
  const key = stackEnv("SUPABASE_SECRET_KEY");
  const post = async (path: string, body: BodyInit, headers = {}) => {
    const response = await fetch(`${url}/storage/v1/object/${own.id}/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, ...headers },
      body,
    });
    const { code } = await response.json();
    return [response.status, code];
  };
  for (const name of ["%E2%80%AEgpj.exe", "a%00b", "a%0Ab", "%5Cx"]) {
    assert.deepEqual(await post(name, "x"), [400, "InvalidKey"], name);
  }
  assert.deepEqual(await post("%E2%80", "x"), [400, "InvalidRequest"]);
  const form = new FormData();
  form.append("cacheControl", "1");
  assert.deepEqual(await post("form.txt", form), [400, "InvalidRequest"]);
  const type = { "content-type": "multipart/form-data; boundary=x" };
  assert.deepEqual(await post("form.txt", "no form", type), [400, "InvalidRequest"]);
});

Deno.test("no request to Storage is answered with 500", async () => {
  await using own = await bucket();
  const long = "x".repeat(5000);
  const odd = ["%00", "%2e%2e", "%E2%80%AE", "a%2Fb", " ", long, "%", "{}", "'; drop"];
  const bodies = [
    "",
    "null",
    '{"prefix": "\\u0000"}',
    '{"prefix": "", "limit": 1e9, "offset": 1e9}',
    '{"prefix": "", "limit": -1}',
    '{"prefix": "", "sortBy": {"column": "id; drop", "order": "x"}}',
    `{"prefixes": ["\\u0000", "${long}"]}`,
    '{"expiresIn": 9007199254740991, "paths": ["\\u0000"]}',
    '{"expiresIn": 1e999}',
    '{"name": "\\u0000", "id": "", "file_size_limit": "9999999999GB"}',
    `{"bucketId": "${own.id}", "sourceKey": "\\u0000", "destinationKey": "../x"}`,
  ];
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await fetch(`${url}/storage/v1/${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${stackEnv("SUPABASE_SECRET_KEY")}` },
    });
    const text = await answer.text();
    assert(answer.status < 500, `${method} ${path} ${body}: ${answer.status} ${text}`);
  };
  const places = ["list", "sign", "upload/sign", "info", "public", own.id].flatMap((verb) =>
    odd.map((name) => `object/${verb}/${name}`)
  );
  for (const path of [...odd.map((name) => `bucket/${name}`), ...places, "nothing/here"]) {
    await Promise.all(["GET", "HEAD", "POST", "PUT", "DELETE"].map((method) => ask(method, path)));
  }
  const read = ["bucket", `object/list/${own.id}`, `object/sign/${own.id}`, "object/move"];
  for (const path of [...read, "object/copy", `object/sign/${own.id}/x`]) {
    await Promise.all(bodies.map((body) => ask("POST", path, body)));
  }
  await Promise.all(bodies.map((body) => ask("DELETE", `object/${own.id}`, body)));
  await Promise.all(bodies.map((body) => ask("PUT", `bucket/${own.id}`, body)));
});

Deno.test("the buckets' API makes, shows, changes, empties and deletes", async () => {
  const id = `test-${crypto.randomUUID()}`;
  const api = service.storage;
  assert.deepEqual((await api.createBucket(id, { public: false, fileSizeLimit: "2MB" })).data, {
    name: id,
  });
  assert.deepEqual(refusal((await api.createBucket(id)).error), DUPLICATE);
  const { data } = await api.getBucket(id);
  assert.equal(data!.file_size_limit, 2_000_000);
  assert.equal(
    (await api.updateBucket(id, { public: true })).data!.message,
    "Successfully updated",
  );
  await api.from(id).upload("open.txt", "open");
  const response = await fetch(api.from(id).getPublicUrl("open.txt").data.publicUrl);
  assert.equal(await response.text(), "open");
  assert.deepEqual(refusal((await api.deleteBucket(id)).error), {
    status: 400,
    statusCode: "409",
    message: "The bucket you tried to delete is not empty",
  });
  assert((await api.listBuckets()).data!.some((bucket) => bucket.id === id));
  assert.ifError((await api.emptyBucket(id)).error);
  assert.ifError((await api.deleteBucket(id)).error);
  assert.deepEqual(refusal((await api.getBucket(id)).error), {
    status: 400,
    statusCode: "404",
    message: "Bucket not found",
  });
});

Deno.test("of uploads at once to one name, one is kept, whole", async () => {
  await using own = await bucket(["insert", "select"]);
  const { client } = await signUp("viewer");
  const api = client.storage.from(own.id);
  const texts = Array.from({ length: 5 }, (_, index) => String(index).repeat(50_000));
  const answers = await Promise.all(texts.map((text) => api.upload("same.txt", new Blob([text]))));
  assert.equal(answers.filter(({ error }) => !error).length, 1);
  const kept = texts[answers.findIndex(({ error }) => !error)];
  assert.equal(await textOf(client, own.id, "same.txt"), kept);
});

Deno.test("storage.foldername(), filename() and extension() take a path apart", async () => {
  await using sql = connect();
  const [row] = await sql`select
    storage.foldername('a/b/c.tar.gz') as folder, storage.filename('a/b/c.tar.gz') as file,
    storage.extension('a/b/c.tar.gz') as extension, storage.foldername('c') as none`;
  assert.deepEqual({ ...row }, { folder: ["a", "b"], file: "c.tar.gz", extension: "gz", none: [] });
});
