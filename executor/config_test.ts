import assert from "node:assert/strict";
import { join } from "node:path";
import { configsByHub, readConfig, SetupError } from "./config.ts";
import { DEFAULT_PERMISSIONS } from "./permissions/table.ts";
import { fill, isSession } from "./fill.ts";

const TOKEN = "aura_" + "0".repeat(64);
const WHOLE = `
url = "http://127.0.0.1:54321/"
publishable_key = "sb_publishable_x"
device = "mac"
device_id = "3f0c4a3e-6f0a-4f6e-9d43-0e6d3a0c9b11"
token = "${TOKEN}"
root = "/srv"
[models.claude]
args = ["--permission-mode", "acceptEdits"]
[models.codex]
command = ["my-agent", "--", "{prompt}"]
format = "text"
`;

function read(text: string, mode = 0o600) {
  const path = join(Deno.makeTempDirSync(), "laptop.toml");
  Deno.writeTextFileSync(path, text, { mode });
  return readConfig(path);
}

function problem(text: string, mode?: number): string {
  try {
    read(text, mode);
  } catch (error) {
    assert.ok(error instanceof SetupError, String(error));
    return error.message;
  }
  throw new Error("It was accepted.");
}

Deno.test("readConfig() fills in presets and defaults", () => {
  const config = read(WHOLE);
  assert.equal(config.url, "http://127.0.0.1:54321");
  assert.equal(config.maxRunning, 1);
  assert.equal(config.isolation, "none");
  assert.equal(config.missingProjects, "fail");
  assert.ok(config.stateFolder.endsWith("/laptop"));
  assert.equal(config.models.claude!.format, "claude");
  assert.deepEqual(config.models.claude!.args, ["--permission-mode", "acceptEdits"]);
  assert.deepEqual(config.models.codex!.command, ["my-agent", "--", "{prompt}"]);
  assert.equal(config.models.codex!.resume, undefined);
  assert.equal(config.models.gemini, undefined);
  assert.deepEqual(config.models.claude!.permissions, DEFAULT_PERMISSIONS);
});

Deno.test("readConfig() takes more hubs, each with a device of its own", () => {
  const hub = (id: string) => `
[[hubs]]
url = "https://two.example.com/"
publishable_key = "sb_publishable_y"
device = "other"
device_id = "${id}"
token = "${TOKEN}"
`;
  const config = read(WHOLE + hub("3f0c4a3e-6f0a-4f6e-9d43-0e6d3a0c9b12"));
  const [first, second] = configsByHub(config);
  assert.deepEqual([first!.url, first!.device], ["http://127.0.0.1:54321", "mac"]);
  assert.deepEqual([second!.url, second!.device], ["https://two.example.com", "other"]);
  assert.equal(second!.root, "/srv");
  const same = WHOLE + hub("3f0c4a3e-6f0a-4f6e-9d43-0e6d3a0c9b11");
  assert.match(problem(same), /hubs\.0\.device_id: is that of another hub/);
});

Deno.test("readConfig() refuses a file that others can read, and says how to close it", () => {
  assert.match(problem(WHOLE, 0o644), /chmod 600/);
});

Deno.test("readConfig() names each thing that is wrong", () => {
  assert.match(problem("url = 1\nbogus = 2"), /url: .*\n[^]*token: .*\n[^]*bogus/);
  assert.match(
    problem(WHOLE.replace(TOKEN, "aura_1")),
    /token: is not a device token; run "enroll"/,
  );
  assert.match(problem(WHOLE.replace('"/srv"', '"srv"')), /"root" .* absolute/);
  assert.match(problem(WHOLE.replace('"--", ', "")), /models.codex.command: put "--" before/);
  assert.match(problem(WHOLE.replace('format = "text"', "")), /needs a "format"/);
  assert.match(problem(`${WHOLE}[models.gpt]`), /models.gpt: there is no preset/);
  assert.match(problem("url ="), /is not valid TOML/);
  assert.throws(() => readConfig("/nowhere/executor.toml"), /enroll/);
});

Deno.test("readConfig() takes no root that holds what decides what the executor runs", () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const projects = join(folder, "projects");
  const beside = join(folder, "aura/executor.toml");
  const within = join(projects, "app/executor.toml");
  const refusal = (root: string, path: string) => {
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, WHOLE.replace("/srv", root), { mode: 0o600 });
    try {
      return readConfig(path).root;
    } catch (error) {
      assert.ok(error instanceof SetupError, String(error));
      return error.message;
    }
  };
  Deno.mkdirSync(projects);
  assert.equal(refusal(projects, beside), projects);
  for (const root of [folder, join(folder, "aura"), "/", join(projects, "..")]) {
    assert.match(refusal(root, beside), /cannot be the root: its configuration is in it/, root);
  }
  assert.match(refusal(projects, within), /cannot be the root: its configuration is in it/);
  Deno.symlinkSync(folder, join(projects, "link"));
  assert.match(refusal(join(projects, "link"), beside), /cannot be the root/);
  for (const root of [import.meta.dirname!, join(import.meta.dirname!, "..")]) {
    assert.match(refusal(root, beside), /cannot be the root: its own program is in it/);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("fill() puts the prompt on stdin, or into one argument", () => {
  const values = { args: ["-a", "b c"], session: "s1", prompt: "$(rm -rf /); `x`" };
  assert.deepEqual(fill(["p", "{args}", "resume", "{session}", "-"], values), {
    argv: ["p", "-a", "b c", "resume", "s1", "-"],
    input: values.prompt,
  });
  assert.deepEqual(fill(["p", "--", "{prompt}"], values), {
    argv: ["p", "--", values.prompt],
    input: null,
  });
});

Deno.test("isSession() accepts what agents use and nothing that reads as an option", () => {
  assert.ok(isSession("01a20c9c-63d4-72e3-85eb-dd8505afd7d2"));
  for (
    const session of ["-x", "--dangerous", "", "a b", "a\nb", null, undefined, "x".repeat(201)]
  ) {
    assert.equal(isSession(session), false);
  }
});
