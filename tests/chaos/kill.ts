// Ends parts of a stack without warning.
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";

/** The database with all its processes, or one of them, which makes Postgres restart all. */
export async function killDatabase(stack: OwnStack, part: "postgres" | "backend"): Promise<void> {
  if (part === "postgres") return Deno.kill(await stack.postmaster(), "SIGKILL");
  await using sql = connect({ max: 1 }, stack.env);
  const [backend] = await sql`
    select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
    order by random() limit 1`;
  if (backend) Deno.kill(backend.pid, "SIGKILL");
}

/** The stack's own process; resolves to the one that takes its place, as a person would start who finds it gone. */
export async function restart(stack: OwnStack): Promise<OwnStack> {
  stack.kill("SIGKILL");
  await stack.ended();
  // On the same state and ports.
  const next = new OwnStack(stack.settings);
  await next.ready();
  return next;
}

/** A child of this process; nothing happens where it has ended already. */
export function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
