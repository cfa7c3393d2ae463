// A working day of two people and three devices, for the screenshots.
import { AuraClient, type Channel, type Thread } from "../../../client/index.ts";
import { createClient } from "@supabase/supabase-js";
import type { Fixture, User } from "../../client/fixture.ts";
import { connectAdmin } from "../../stack.ts";
import { Device } from "../../device.ts";
import { Story } from "./story.ts";

export interface Day extends AsyncDisposable {
  maya: User;
  /** With a task that ended, and a follow-up that runs. */
  thread: Thread;
}

async function person(fixture: Fixture, name: string): Promise<User> {
  const supabase = createClient(fixture.url, fixture.key, { auth: { persistSession: false } });
  const email = `${name.toLowerCase()}@example.com`;
  const password = crypto.randomUUID();
  const { data, error } = await supabase.auth.signUp({
    email,
    password,
    options: { data: { name } },
  });
  if (error) throw error;
  return { aura: new AuraClient(supabase), supabase, id: data.user!.id, email, password };
}

export async function playDay(fixture: Fixture, env: Record<string, string>): Promise<Day> {
  await using admin = await connectAdmin(env);
  const story = new Story(admin);
  const maya = await person(fixture, "Maya");
  const jonas = await person(fixture, "Jonas");
  const channels = await maya.aura.fetchChannels();
  const named = (name: string): Channel => channels.find((channel) => channel.name === name)!;
  const studio = await Device.join(fixture, maya, { name: "studio", models: ["claude", "codex"] });
  await Device.join(fixture, maya, { name: "macbook-air", models: ["codex"], max_running: 1 });
  await admin`
    update mesh_devices set status = 'offline', last_seen_at = now() - interval '3 hours'
    where name = 'macbook-air'`;
  await story.fillDay(named("garden"));

  const runtime = named("cc-runtime");
  await story.tell({
    channel: runtime,
    by: jonas.aura,
    content: "Why does the scheduler test fail on slow machines?",
    device: studio,
    ago: 72,
    took: 94,
    progress: ["Reading core/runtime/scheduler.ts", "Running the test 50 times under load"],
    result: [
      "The test sleeps 20 ms and then expects the timer to have fired. Under load it has not yet.",
      "",
      "| runs | failed before | failed after |",
      "|---|---|---|",
      "| 50, idle | 0 | 0 |",
      "| 50, busy | 7 | 0 |",
      "",
      "It now waits for the event itself:",
      "",
      "```ts",
      'await once(scheduler, "fired");',
      "assert.equal(scheduler.pending, 0);",
      "```",
    ].join("\n"),
  });
  await story.tell({
    channel: runtime,
    by: maya.aura,
    content: "Bump the lockfile and run the whole suite",
    device: studio,
    ago: 24,
    took: 41,
    progress: ["Updating 14 packages"],
    error:
      "npm error 404  'left-pad@9.9.9' is not in this registry.\nnpm error The lockfile was left as it was.",
  });
  await story.tell({
    channel: runtime,
    by: maya.aura,
    content: "Profile the cold start and take out what it does not need",
    device: studio,
    ago: 3,
    took: 170,
    progress: [
      "Measuring 20 cold starts: 412 ms at the median",
      "61 % of it is the plugin registry, read twice",
      "Reading it once, lazily: 189 ms",
    ],
  });

  const dispatch = named("dispatch");
  const old = await story.tell({
    channel: dispatch,
    by: jonas.aura,
    content: "Rotate the backup keys",
    device: studio,
    ago: 480,
    took: 66,
    result: "Rotated; the old key works until Friday.",
  });
  await story.age(old!, "archived", 5);
  const idle = await story.tell({
    channel: dispatch,
    by: jonas.aura,
    content: "List the services that have not been deployed this month",
    device: studio,
    ago: 150,
    took: 25,
    result: "Three: `mailer`, `thumbs` and `status`.",
  });
  await story.age(idle!, "idle", 2);
  await story.tell({
    channel: dispatch,
    by: maya.aura,
    content: "Upgrade the ingress controller on staging",
    device: studio,
    ago: 38,
    took: 140,
    error: "The new controller needs the v1 API; two ingresses still use v1beta1.",
  });
  const disk = await story.tell({
    channel: dispatch,
    by: maya.aura,
    content: "Find out why homelab's disk fills up",
    device: studio,
    ago: 31,
    took: 52,
    progress: ["Measuring /var", "Container logs grow by 2.1 GB a day"],
    result:
      "Container logs fill it: **48 GB** in `/var/lib/docker/containers`, most of it `ingest`, which logs each request.\n\n1. No log rotation is set.\n2. `ingest` runs at level *debug*.",
    usage: { input_tokens: 18_204, output_tokens: 1_312 },
  });
  await story.tell({
    channel: dispatch,
    by: maya.aura,
    thread: disk!,
    content: "Set rotation to 5 × 20 MB and put ingest back to info",
    device: studio,
    ago: 2,
    took: 100,
    progress: ["Writing /etc/docker/daemon.json", "Restarting ingest"],
  });

  const homelab = await Device.join(fixture, maya, {
    name: "homelab",
    platform: "linux",
    models: ["claude", "gemini"],
    max_running: 2,
  });
  await story.tell({
    channel: named("cc-media"),
    by: jonas.aura,
    content: "Transcode the sample set and compare loudness",
    device: homelab,
    ago: 1,
    took: 45,
    progress: ["12 of 40 files"],
  });
  await maya.aura.dispatchTask(named("research").id, "Summarise what changed in HTTP/3 tooling", {
    model: "gemini",
  });
  await homelab.throttle(await homelab.claim(), "gemini", new Date(Date.now() + 47 * 60_000));
  await maya.aura.dispatchTask(named("quick").id, "Rename the guest network");

  const beats = setInterval(
    () => void Promise.all([studio.heartbeat(), homelab.heartbeat()]),
    15_000,
  );
  return {
    maya,
    thread: disk!,
    [Symbol.asyncDispose]: () => Promise.resolve(clearInterval(beats)),
  };
}
