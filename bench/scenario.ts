// What a scenario is given, and what it returns.
import type { Sql } from "postgres";
import type { Machine } from "./machine.ts";
import type { Result } from "./result.ts";

export interface Context {
  machine: Machine;
  /** The product's database, as the role postgres. */
  sql: Sql;
  /** The product's database, as the superuser: to seed with triggers off. */
  admin: Sql;
  /** Interleaved rounds. */
  rounds: number;
  /** Smaller numbers of everything, in the same shape: to check the code, not to publish. */
  quick: boolean;
}

export interface Scenario {
  name: string;
  /** Whether it talks to the whole stack, or to Postgres alone. */
  needs: "stack" | "postgres";
  run: (context: Context) => Promise<Result[]>;
}
