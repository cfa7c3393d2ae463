// The engines that these tests put beside a stack: Debian's, each started by its test.

/** Programs of the package postgresql-15: initdb, postgres, pg_basebackup, … */
export const POSTGRES_BIN = "/usr/lib/postgresql/15/bin";
export const PGBOUNCER = "/usr/sbin/pgbouncer";

/** For a test's `ignore`: whether a program is missing, which is said. In CI nothing may be missing. */
export function isMissing(program: string, debianPackage: string): boolean {
  try {
    Deno.statSync(program);
    return false;
  } catch {
    if (Deno.env.get("CI")) return false;
    console.log(`Skipped: there is no ${program}, of Debian's package ${debianPackage}.`);
    return true;
  }
}
