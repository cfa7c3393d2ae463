import assert from "node:assert/strict";
import { join } from "node:path";
import { agentEnvironment } from "../environment.ts";
import { Git } from "./git.ts";
import { type Publication, publish, PublishError } from "./publish.ts";
import { TestForge } from "./test_forge.ts";
import { git, TestProject } from "./test_project.ts";

async function published(project: TestProject): Promise<void> {
  const tree = await project.open();
  project.write("mine.txt", "1\n", tree.folder);
  await tree.close("Task 1111");
}

function go(project: TestProject, path: string, more: Partial<Publication> = {}): Promise<string> {
  const environment = { ...agentEnvironment(Deno.env.toObject()), PATH: path };
  const publication = {
    branch: "aura/1111",
    base: "main",
    title: "--Fix it",
    body: "Made by an agent.",
    pullRequest: true,
    ...more,
  };
  const place = { gitDir: join(project.folder, ".git") };
  const { signal } = new AbortController();
  return publish(new Git(environment), place, publication, { environment, signal });
}

const because = (reason: RegExp) => (error: Error) => {
  assert.ok(error instanceof PublishError, String(error));
  assert.match(error.message, reason);
  assert.doesNotMatch(error.message, /secret/);
  return true;
};

Deno.test("publish() pushes the branch and opens one pull request, however often it is asked", async () => {
  using project = new TestProject();
  const forge = new TestForge(project.base, project.folder);
  await published(project);
  const main = git(forge.bare, "rev-parse", "main");
  const told = await go(project, forge.path);
  assert.equal(
    told,
    "Pushed aura/1111 to https://forge.example/team/app.git\n" +
      "Pull request: https://forge.example/team/app/pull/7",
  );
  assert.equal(await go(project, forge.path), told);
  assert.deepEqual(forge.calls(), [
    "pr list --repo=forge.example/team/app --head=aura/1111 --state=open --json=url --limit=1",
    "pr create --repo=forge.example/team/app --head=aura/1111 --base=main --title=--Fix it --body-file=-",
    "pr list --repo=forge.example/team/app --head=aura/1111 --state=open --json=url --limit=1",
  ]);
  assert.deepEqual(forge.branches(), ["aura/1111", "main"]);
  assert.equal(git(forge.bare, "rev-parse", "main"), main);
  // What came in the meantime is pushed, too.
  await published(project).then(async () => {
    const tree = await project.open();
    project.write("more.txt", "2\n", tree.folder);
    await tree.close("More");
  });
  await go(project, forge.path);
  assert.equal(git(forge.bare, "show", "aura/1111:more.txt"), "2");
});

Deno.test("publish() only pushes where no pull request is wanted", async () => {
  using project = new TestProject();
  const forge = new TestForge(project.base, project.folder);
  await published(project);
  await go(project, forge.path, { pullRequest: false });
  assert.deepEqual([forge.calls(), forge.branches()], [[], ["aura/1111", "main"]]);
});

Deno.test("publish() says why nothing was pushed", async () => {
  using project = new TestProject();
  const path = Deno.env.get("PATH")!;
  await assert.rejects(go(project, path), because(/"aura\/1111" is no longer in/));
  await published(project);
  await assert.rejects(go(project, path), because(/no remote to push to/));
  const forge = new TestForge(project.base, project.folder);
  git(forge.bare, "branch", "-qD", "aura/1111");
  const hook = join(forge.bare, "hooks/pre-receive");
  Deno.writeTextFileSync(hook, "#!/bin/sh\necho not on a Friday\nexit 1\n", { mode: 0o755 });
  await assert.rejects(go(project, path), because(/could not be pushed: .*not on a Friday/s));
  Deno.removeSync(hook);
  git(project.folder, "push", "-q", forge.bare, "main:aura/1111");
  git(project.folder, "commit", "-q", "--allow-empty", "-m", "Other");
  git(project.folder, "push", "-q", forge.bare, "main:aura/1111");
  // Somebody else's work on the branch is not overwritten.
  await assert.rejects(
    go(project, path),
    because(/could not be pushed: .*(fetch first|non-fast)/s),
  );
  git(project.folder, "remote", "set-url", "origin", join(project.base, "nowhere"));
  await assert.rejects(go(project, path), because(/could not be pushed: .*nowhere/s));
});

Deno.test("publish() says why no pull request was opened, and what was pushed", async () => {
  using project = new TestProject();
  const forge = new TestForge(project.base, project.folder);
  await published(project);
  const without = join(project.base, "bin");
  Deno.mkdirSync(without);
  for (const name of ["git", "sh"]) {
    const { stdout } = new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).outputSync();
    Deno.symlinkSync(new TextDecoder().decode(stdout).trim(), join(without, name));
  }
  const pushed = "^Pushed aura/1111 to https://forge.example/team/app.git, but no pull request ";
  await assert.rejects(
    go(project, without),
    because(new RegExp(`${pushed}was opened: there is no gh on this device's PATH`)),
  );
  forge.gh("#!/bin/sh\necho 'HTTP 401: run gh auth login' >&2\nexit 4\n");
  await assert.rejects(
    go(project, forge.path),
    because(new RegExp(`${pushed}was opened: gh: HTTP 401`)),
  );
  git(project.folder, "remote", "set-url", "origin", forge.bare);
  await assert.rejects(go(project, forge.path), because(/is no address of a forge that gh knows/));
});

Deno.test("publish() runs no hook and no address that is a program", async () => {
  using project = new TestProject();
  const forge = new TestForge(project.base, project.folder);
  await published(project);
  for (const hook of ["pre-push", "reference-transaction"]) {
    Deno.symlinkSync(project.trap, join(project.folder, ".git/hooks", hook));
  }
  await go(project, forge.path);
  git(project.folder, "config", "protocol.ext.allow", "always");
  git(project.folder, "remote", "set-url", "origin", `ext::${project.trap}`);
  await assert.rejects(go(project, forge.path), because(/transport 'ext' not allowed/));
  assert.equal(project.trapped(), "");
});

Deno.test("publish() takes the remote of the base", async () => {
  using project = new TestProject();
  const forge = new TestForge(project.base, project.folder);
  await published(project);
  git(project.folder, "remote", "add", "upstream", join(project.base, "upstream.git"));
  git(project.base, "init", "-q", "--bare", "upstream.git");
  git(project.folder, "config", "branch.main.remote", "upstream");
  await go(project, forge.path, { pullRequest: false });
  assert.deepEqual(forge.branches(), ["main"]);
  assert.ok(git(join(project.base, "upstream.git"), "rev-parse", "aura/1111"));
});
