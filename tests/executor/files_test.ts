// Files that come with a request, and what an agent leaves for people.
import assert from "node:assert/strict";
import type { Task } from "../../client/index.ts";
import type { Fixture } from "../client/fixture.ts";
import { askingDevice } from "./asking.ts";
import { type Mesh, meshTest, until } from "./mesh.ts";

/** Uploads a file as a person does, and sends a task with it. */
async function send(
  mesh: Mesh,
  fixture: Fixture,
  content: string,
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<Task> {
  const channel = await fixture.channel("flat_task_pipeline");
  const { supabase } = mesh.operator;
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const about = {
    channel_id: channel.id,
    name,
    media_type: "text/plain",
    size: bytes.length,
    sha256,
  };
  const created = await supabase.rpc("create_file", about);
  assert.equal(created.error, null);
  const { file } = created.data;
  const uploaded = await supabase.storage.from("hub-files")
    .upload(file.path, bytes, { contentType: "text/plain" });
  assert.equal(uploaded.error, null);
  const sent = await supabase.rpc("dispatch_task", {
    channel_id: channel.id,
    content,
    model: "claude",
    file_ids: [file.id],
  });
  assert.equal(sent.error, null);
  return sent.data.task;
}

interface File {
  name: string;
  state: string;
  error: string | null;
  path: string;
}

const left = (fixture: Fixture, task: Task) =>
  fixture.sql<File[]>`
    select name, state, error, channel_id || '/' || id as path from hub_files
    where task_id = ${task.id} and direction = 'out' order by name`;

meshTest(
  "run gives an agent the files of its request, outside of the project",
  async (mesh, fixture) => {
    await (await askingDevice(mesh, "claude")).start();
    const bytes = new TextEncoder().encode("the log");
    const task = await send(mesh, fixture, "read", bytes, "the log.txt");
    assert.equal((await mesh.ended(task.id)).result, "read the log");
  },
);

meshTest("run starts no agent without the files of its request", async (mesh, fixture) => {
  const device = await (await askingDevice(mesh, "claude")).start();
  const channel = await fixture.channel("flat_task_pipeline");
  await fixture.sql`update hub_servers set paused_at = now() where id = ${channel.server_id}`;
  const bytes = new TextEncoder().encode("the log");
  const { supabase } = mesh.operator;
  const about = { channel_id: channel.id, name: "x.txt", media_type: "text/plain", size: 7 };
  const { file } = (await supabase.rpc("create_file", about)).data;
  await supabase.storage.from("hub-files").upload(file.path, bytes);
  const sent = await supabase.rpc("dispatch_task", {
    channel_id: channel.id,
    content: "read",
    model: "claude",
    file_ids: [file.id],
  });
  assert.equal(sent.error, null);
  // What is said of the bytes is not what they are.
  await fixture.sql`update hub_files set sha256 = repeat('0', 64) where id = ${file.id}`;
  await fixture.sql`update hub_servers set paused_at = null where id = ${channel.server_id}`;
  const { id } = sent.data.task;
  const failed = await mesh.until(id, ({ error }) => !!error);
  assert.match(failed.error!, /The file "x.txt" could not be had: its bytes are not the ones/);
  assert.equal(device.log.includes("complete"), false);
});

meshTest(
  "run delivers what an agent leaves, and says what it cannot deliver",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    await (await askingDevice(mesh, "claude")).start();
    const task = await mesh.task(channel, "leave");
    assert.equal((await mesh.ended(task.id)).result, "left something");
    const files = await left(fixture, task);
    assert.deepEqual(files.map(({ name, state }) => [name, state]), [
      ["report.txt", "stored"],
      ["secret.txt", "failed"],
    ]);
    assert.match(files[1]!.error!, /links are not followed/);
    const { data } = await mesh.operator.supabase.storage.from("hub-files").download(
      files[0]!.path,
    );
    assert.equal(await data!.text(), "what I found");
  },
);

for (const model of ["claude", "codex"] as const) {
  meshTest(`run answers a tool of ${model}'s that asks a person`, async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await (await askingDevice(mesh, model)).start();
    const content = `tool ask_person|{"question": "Which branch?", "options": ["main", "next"]}`;
    const task = await mesh.task(channel, content, model);
    const [question] = await until(async () => {
      const rows = await fixture.sql`
        select id, title from hub_questions where task_id = ${task.id} and state = 'open'`;
      return rows.length ? rows : null;
    }, () => device.log);
    assert.equal(question!.title, "Which branch?");
    const answer = { question_id: question!.id, option_id: "2" };
    assert.equal((await mesh.operator.supabase.rpc("answer_question", answer)).error, null);
    assert.equal((await mesh.ended(task.id)).result, "ask_person attach_file: next");
  });
}

meshTest(
  "run attaches a file of the working directory, and none from elsewhere",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await (await askingDevice(mesh, "claude")).start();
    Deno.writeTextFileSync(`${device.root}/Desktop/found.txt`, "found");
    const task = await mesh.task(channel, 'tool attach_file|{"path": "found.txt"}');
    assert.match((await mesh.ended(task.id)).result!, /"found.txt" will be attached/);
    assert.deepEqual((await left(fixture, task)).map(({ name, state }) => [name, state]), [
      ["found.txt", "stored"],
    ]);
    const other = await mesh.task(channel, 'tool attach_file|{"path": "/etc/passwd"}');
    assert.match((await mesh.ended(other.id)).result!, /is not in your working directory/);
    assert.equal((await left(fixture, other)).length, 0);
  },
);
