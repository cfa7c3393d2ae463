/**
 * Who is signed in where: one file of mode 600 with the server's address, its publishable key and
 * the session of supabase-js, which refreshes its tokens in it.
 */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { NotSignedInError } from "../client/index.ts";

export interface Address {
  url: string;
  /** The publishable key. */
  key: string;
}

interface Saved extends Address {
  storage: Record<string, string>;
}

/** AURA_SESSION_FILE, or aura-servers/session.json in the user's configuration folder. */
export function sessionFile(): string {
  const { AURA_SESSION_FILE, XDG_CONFIG_HOME } = process.env;
  if (AURA_SESSION_FILE) return AURA_SESSION_FILE;
  return join(XDG_CONFIG_HOME || join(homedir(), ".config"), "aura-servers", "session.json");
}

/** The client of the saved session; throws if there is none. */
export function resumeSession(): SupabaseClient {
  const saved = read();
  if (saved) return openSession(saved);
  throw new NotSignedInError("not_signed_in", 401, "Nobody is signed in.");
}

/** Forgets the session; false if there was none. */
export function forgetSession(): boolean {
  const existed = read() !== null;
  rmSync(sessionFile(), { force: true });
  return existed;
}

/** A client of the server at this address whose session is kept in the file. */
export function openSession({ url, key }: Address): SupabaseClient {
  // Read anew each time: another run may have refreshed the tokens.
  function current(): Record<string, string> {
    const saved = read();
    return saved?.url === url ? saved.storage : {};
  }
  const save = (storage: Record<string, string>) => write({ url, key, storage });
  return createClient(url, key, {
    // Somebody waits: say at once that the server is away. What follows tries again by itself.
    db: { retry: false },
    auth: {
      storageKey: "session",
      detectSessionInUrl: false,
      storage: {
        getItem: (name) => current()[name] ?? null,
        setItem: (name, value) => save({ ...current(), [name]: value }),
        removeItem(name) {
          const { [name]: _removed, ...rest } = current();
          save(rest);
        },
      },
    },
  });
}

function read(): Saved | null {
  try {
    return JSON.parse(readFileSync(sessionFile(), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`The session file ${sessionFile()} cannot be read: ${error}`);
  }
}

/** Written beside and moved into place, so that nobody reads half a session. */
function write(saved: Saved): void {
  const file = sessionFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(saved), { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
