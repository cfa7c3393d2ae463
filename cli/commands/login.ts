import type { AuthError } from "@supabase/supabase-js";
import type { Command } from "commander";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { AuraError, toAuraError } from "../../client/errors.ts";
import type { Context } from "../context.ts";
import { localStack } from "../local.ts";
import { addressWarning } from "../../terminal/address.ts";
import { printable } from "../../terminal/printable.ts";
import { forgetSession, openSession, sessionFile } from "../session.ts";

interface LoginOptions {
  local?: boolean;
  url?: string;
  key?: string;
  email?: string;
}

export function addLogin(program: Command, context: () => Context): void {
  program.command("login")
    .description("sign in; without options, to the local stack as its first user")
    .option("--local", "the local stack, as its first user")
    .option("--url <url>", "the project's address; or SUPABASE_URL")
    .option("--key <key>", "its publishable key; or SUPABASE_PUBLISHABLE_KEY")
    .option("--email <address>", "who signs in; or AURA_USER_EMAIL")
    .addHelpText("after", "\nThe password is asked for, or taken from AURA_USER_PASSWORD.")
    .action((options: LoginOptions) => login(context(), options));

  program.command("logout")
    .description("forget the session")
    .action(() => {
      const forgotten = forgetSession();
      context().out.result(
        { forgotten },
        () => [forgotten ? "Signed out." : "Nobody was signed in."],
      );
    });

  program.command("whoami")
    .description("say who is signed in, and in which role")
    .action(async () => {
      const { aura, out } = context();
      const caller = await aura.whoami();
      out.result(caller, () => [`${printable(caller.label)}, ${caller.role}`]);
    });
}

async function login({ out, signal }: Context, options: LoginOptions): Promise<void> {
  const { url, key, email, password } = await credentials(options, signal);
  const warning = addressWarning(url);
  if (warning) console.error(printable(warning));
  const session = openSession({ url, key });
  const { data, error } = await session.auth.signInWithPassword({ email, password });
  if (error) throw refusal(error);
  const user = { id: data.user.id, email, url };
  out.result(user, () => [`Signed in to ${url} as ${email}; kept in ${sessionFile()}.`]);
}

function refusal(error: AuthError): Error {
  if (error.code !== "invalid_credentials") return toAuraError(error, error.status ?? 0);
  const hint = "Check the email and the password.";
  return new AuraError("not_signed_in", 401, `${error.message}.`, hint);
}

async function credentials(options: LoginOptions, signal: AbortSignal) {
  const env = process.env;
  const ask = (question: string, instead: string, hidden = false) =>
    askAtTerminal(question, instead, hidden, signal);
  const url = options.url ?? (options.local ? undefined : env.SUPABASE_URL);
  if (!url) {
    const local = localStack();
    if (local) return { ...local, email: options.email ?? local.email };
    if (options.local) {
      throw new Error("No local stack has run here. Start it with `npm start`.");
    }
  }
  return {
    url: url ?? await ask("Address of the project: ", "--url"),
    key: options.key ?? env.SUPABASE_PUBLISHABLE_KEY ?? await ask("Publishable key: ", "--key"),
    email: options.email ?? env.AURA_USER_EMAIL ?? await ask("Email: ", "--email"),
    password: env.AURA_USER_PASSWORD ?? await ask("Password: ", "AURA_USER_PASSWORD", true),
  };
}

/** Asks at the terminal; what is hidden is not echoed. */
async function askAtTerminal(
  question: string,
  instead: string,
  hidden: boolean,
  signal: AbortSignal,
): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Error(`Without a terminal to ask at, ${instead} must be given.`);
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = hidden ? silent : process.stderr;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  // The terminal hands Ctrl-C to whoever reads its keys.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  if (hidden) process.stderr.write(question);
  try {
    return (await terminal.question(question, { signal })).trim();
  } finally {
    terminal.close();
    if (hidden) process.stderr.write("\n");
  }
}
