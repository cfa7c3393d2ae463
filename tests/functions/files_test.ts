// Files from end to end: a person's on the way to a device, an agent's on the way back, by the edge function
// `files` and the bucket.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Database } from "../../client/index.ts";
import { Fixture, stackTest } from "../client/fixture.ts";
import { connectAdmin, serviceClient, stackEnv, until } from "../stack.ts";

type HubFile = Database["public"]["Tables"]["hub_files"]["Row"];

interface Answer {
  status: number;
  body: { file: HubFile; url: string | null; error?: { code: string } };
}

const base = stackEnv("SUPABASE_URL");

async function call(body: unknown): Promise<Answer> {
  const response = await fetch(`${base}/functions/v1/files`, {
    method: "POST",
    headers: { apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY") },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** A device of the test's own that has claimed a task with this file; others claim nothing of it. */
async function claimed(fixture: Fixture, content: string | null, ...files: [string, Blob][]) {
  const { aura } = await fixture.user();
  await fixture.sql`update mesh_devices set status = 'offline' where status = 'online'`;
  const channel = await fixture.channel("flat_task_pipeline");
  const sent = await Promise.all(
    files.map(([name, bytes]) => aura.sendFile(channel.id, name, bytes)),
  );
  const { task } = await aura.dispatchTask(channel.id, content ?? "", {
    model: "claude",
    file_ids: sent.map(({ id }) => id),
    priority: 100,
  });
  const name = `test-${crypto.randomUUID().slice(0, 8)}`;
  const { token } = await aura.registerDevice(name, "linux", ["claude"]);
  const { supabase } = await fixture.user("viewer");
  const claim = await supabase.rpc("claim_tasks", { token });
  assert.equal(claim.data[0]?.id, task.id);
  const { claim_id } = claim.data[0];
  return {
    aura,
    channel,
    task,
    told: claim.data[0],
    device: { token, task_id: task.id, claim_id },
  };
}

async function answerOf(url: string, init?: RequestInit) {
  const response = await fetch(new URL(url, base), init);
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

stackTest("a picture without text reaches the device, byte for byte", async (fixture) => {
  const bytes = crypto.getRandomValues(new Uint8Array(50_000));
  const { told, device } = await claimed(fixture, null, ["Bild größer.png", new Blob([bytes])]);
  assert.equal(told.content, "📎 Bild größer.png");
  const [file] = told.files;
  assert.equal(file.media_type, "image/png");
  assert.equal(file.sha256, digest(bytes));
  const { status, body } = await call({ ...device, file_id: file.id });
  assert.equal(status, 200);
  const read = await answerOf(body.url!);
  assert.deepEqual([read.status, read.bytes], [200, bytes]);
});

stackTest("a log is a log by its name, though it begins as an archive does", async (fixture) => {
  const bytes = new TextEncoder().encode("PK\x03\x04 the first line of a log\n");
  const { told, device } = await claimed(fixture, "Read it", ["server.log", new Blob([bytes])]);
  const [file] = told.files;
  assert.deepEqual([file.name, file.media_type, file.size], [
    "server.log",
    "text/plain",
    bytes.length,
  ]);
  const { body } = await call({ ...device, file_id: file.id });
  assert.deepEqual((await answerOf(body.url!)).bytes, bytes);
});

stackTest("what an agent leaves is uploaded, shown and read by people", async (fixture) => {
  const { aura, channel, task, device } = await claimed(fixture, "Write a report");
  const bytes = new TextEncoder().encode("# Report\n");
  const offer = {
    ...device,
    name: "report.md",
    media_type: "text/markdown",
    size: bytes.length,
    sha256: digest(bytes),
  };
  const offered = await call(offer);
  assert.equal(offered.body.file.state, "pending");
  const put = () =>
    answerOf(offered.body.url!, {
      method: "PUT",
      headers: { "content-type": "text/markdown" },
      body: bytes,
    });
  assert.equal((await put()).status, 200);
  const [file] = await aura.fetchTaskFiles(task.id);
  assert.equal(file!.state, "stored");
  assert.equal(await (await aura.downloadFile(file!)).text(), "# Report\n");
  const messages = await aura.fetchChannelMessages(channel.id);
  const shown = messages.find(({ id }) => id === file!.message_id)!;
  assert.match(shown.content, /^📎 [0-9a-f]{8}: report\.md \(9 bytes\)$/);
  assert.equal(shown.metadata.event, "file_stored");
  assert.deepEqual((await aura.fetchMessageFiles([shown.id])).map(({ id }) => id), [file!.id]);
  // Offered again, as after a lost answer, it is there already.
  const again = await call(offer);
  assert.deepEqual([again.body.file.id, again.body.url], [file!.id, null]);
  assert.equal((await put()).status, 400);
});

stackTest(
  "a file of another size than announced is refused, and may be tried again",
  async (fixture) => {
    const { aura, task, device } = await claimed(fixture, "Write");
    const offered = await call({ ...device, name: "a.txt", size: 3 });
    const wrong = await answerOf(offered.body.url!, { method: "PUT", body: "four" });
    const { message } = JSON.parse(new TextDecoder().decode(wrong.bytes));
    assert.deepEqual([wrong.status, message], [400, "The file has 4 bytes; 3 were announced."]);
    assert.equal((await aura.fetchTaskFiles(task.id))[0]!.state, "pending");
    assert.equal((await answerOf(offered.body.url!, { method: "PUT", body: "two" })).status, 200);
    assert.equal((await aura.fetchTaskFiles(task.id))[0]!.state, "stored");
  },
);

stackTest("a file that cannot be delivered is shown with its reason", async (fixture) => {
  const { aura, channel, device } = await claimed(fixture, "Write");
  const large = await call({ ...device, name: "large.bin", size: 30_000_000 });
  assert.deepEqual([large.body.file.state, large.body.url], ["failed", null]);
  await call({ ...device, name: "gone.txt", size: 1, error: "it was deleted meanwhile" });
  const said = (await aura.fetchChannelMessages(channel.id)).map(({ content }) => content).join(
    "\n",
  );
  assert.match(
    said,
    /large\.bin could not be delivered: it has 30000000 bytes; 25000000 are allowed/,
  );
  assert.match(said, /gone\.txt could not be delivered: it was deleted meanwhile/);
});

stackTest("files answers the claim that holds the task alone", async (fixture) => {
  const { told, device } = await claimed(fixture, "x", ["a.txt", new Blob(["a"])]);
  const file_id = told.files[0].id;
  const refused = async (body: unknown) => {
    const answer = await call(body);
    return [answer.status, answer.body.error?.code];
  };
  assert.deepEqual(await refused({ ...device, file_id, token: "nonsense" }), [
    401,
    "bad_device_token",
  ]);
  assert.deepEqual(await refused({ ...device, file_id, claim_id: crypto.randomUUID() }), [
    409,
    "stale_claim",
  ]);
  assert.deepEqual(await refused({ ...device, file_id: crypto.randomUUID() }), [
    404,
    "file_not_found",
  ]);
  assert.deepEqual(await refused({ ...device, name: "../a", size: 1 }), [400, "bad_argument"]);
  assert.deepEqual(await refused({ ...device, name: "a" }), [400, "bad_argument"]);
  assert.deepEqual(await refused(device), [400, "bad_argument"]);
  const keyless = await fetch(`${base}/functions/v1/files`, { method: "POST", body: "{}" });
  await keyless.body?.cancel();
  assert.equal(keyless.status, 401);
});

stackTest("success is not said of a file that has not arrived", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const file = await aura.createFile(channel.id, { name: "a.txt", size: 1 });
  await assert.rejects(
    aura.dispatchTask(channel.id, "Look", { file_ids: [file.id] }),
    { name: "file_not_stored", status: 409 },
  );
  await assert.rejects(aura.downloadFile(file), { name: "file_not_stored" });
  assert.deepEqual(await aura.fetchTasks({ channel_id: channel.id }), []);
});

stackTest("people read and send files as far as their policies go", async (fixture) => {
  const { told, aura, channel } = await claimed(fixture, "x", ["a.txt", new Blob(["secret"])]);
  const path = `${channel.id}/${told.files[0].id}`;
  const viewer = await fixture.user("viewer");
  const read = await viewer.supabase.storage.from("hub-files").download(path);
  assert.equal(await read.data!.text(), "secret");
  await assert.rejects(viewer.aura.sendFile(channel.id, "b.txt", new Blob(["b"])), {
    name: "role_required",
  });
  const file = await aura.createFile(channel.id, { name: "mine.txt", size: 1 });
  const other = await fixture.user();
  const upload = await other.supabase.storage.from("hub-files").upload(file.path, "x");
  assert.match(upload.error!.message, /row-level security/);
  const update = await viewer.supabase.storage.from("hub-files").update(path, "changed");
  assert.match(update.error!.message, /row-level security/);
  assert.deepEqual(
    (await aura.downloadFile((await aura.fetchFiles([told.files[0].id]))[0]!)).size,
    6,
  );
});

stackTest("the bytes of a channel that is deleted go with it", async (fixture) => {
  const { told, channel } = await claimed(fixture, "x", ["a.txt", new Blob(["a"])]);
  const path = `${channel.id}/${told.files[0].id}`;
  const bucket = serviceClient().storage.from("hub-files");
  assert.equal((await bucket.exists(path)).data, true);
  await fixture.sql`delete from hub_channels where id = ${channel.id}`;
  const response = await fetch(`${base}/functions/v1/recover`, {
    method: "POST",
    headers: { apikey: stackEnv("SUPABASE_SECRET_KEY") },
  });
  await response.body?.cancel();
  assert.equal(response.status, 200);
  await until(async () => !(await bucket.exists(path)).data, "the object to go");
});

stackTest("dispatch tells of files as events", async (fixture) => {
  const { user, file, channel } = await sent(fixture);
  const { data } = await user.supabase.auth.getSession();
  const response = await fetch(`${base}/functions/v1/dispatch`, {
    method: "POST",
    headers: {
      apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"),
      authorization: `Bearer ${data.session!.access_token}`,
      accept: "text/event-stream",
    },
    body: JSON.stringify({
      channel: channel.id,
      file_ids: [file.id],
      run_at: new Date(Date.now() + 24 * 3600 * 1000).toISOString(),
    }),
  });
  let text = "";
  const reading = (async () => {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
  })();
  await until(() => text.includes("event: queued"), "the task");
  const id = JSON.parse(/data: (.*)/.exec(text)![1]!).task.id;
  await fixture.sql`
    insert into hub_files (channel_id, task_id, name, size, direction, state)
    values (${channel.id}, ${id}, 'out.txt', 1, 'out', 'stored')`;
  await until(() => text.includes("event: file"), "the file");
  assert.match(text, /event: file\ndata: \{"task_id":"[^"]+","file":\{.*"name":"out\.txt".*\}\}/);
  await user.aura.cancelTask(id);
  await reading;
  assert.equal(text.match(/event: file\n/g)!.length, 1);
});

async function sent(fixture: Fixture) {
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const file = await user.aura.sendFile(channel.id, "a.txt", new Blob(["a"]));
  return { user, channel, file };
}

stackTest("of requests at once that name one file, one gets it", async (fixture) => {
  const { user, channel, file } = await sent(fixture);
  const run_at = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
  const answers = await Promise.allSettled(
    Array.from(
      { length: 5 },
      () => user.aura.dispatchTask(channel.id, "x", { file_ids: [file.id], run_at }),
    ),
  );
  const refused = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason.name] : []
  );
  assert.deepEqual(refused, Array(4).fill("file_in_use"));
  assert.equal((await user.aura.fetchTasks({ channel_id: channel.id })).length, 1);
});

stackTest("the chapter of the bucket installs where there is no Storage", async () => {
  await using admin = await connectAdmin();
  const chapter = await Deno.readTextFile(
    new URL("../../supabase/schemas/29_bucket.sql", import.meta.url),
  );
  const warned = admin.begin(async (sql) => {
    await sql`drop schema storage cascade`;
    await sql`set local role postgres`;
    await sql.unsafe(chapter);
    const [row] = await sql`select hub.sees_file('x') as seen`;
    assert.equal(row!.seen, false);
    throw new Error("taken back");
  });
  await assert.rejects(warned, /taken back/);
});
