// What of the database REST knows: the schemas that it exposes. lite takes tables by their names alone,
// and would take `auth.users` for an app's `public.users`.
import type { IntrospectResult } from "@supabase/lite";

export const EXPOSED = ["public", "graphql_public"];

/** The catalog without all that belongs to another schema, or points into one. */
export function exposed(catalog: IntrospectResult): IntrospectResult {
  const isExposed = ({ schema }: { schema?: string }) => EXPOSED.includes(schema ?? "public");
  return {
    ...catalog,
    tables: catalog.tables.filter(isExposed),
    views: catalog.views.filter(isExposed),
    columns: catalog.columns.filter(isExposed),
    indexes: catalog.indexes.filter(isExposed),
    primary_keys: catalog.primary_keys.filter(isExposed),
    unique_constraints: catalog.unique_constraints.filter(isExposed),
    check_constraints: catalog.check_constraints.filter(isExposed),
    comments: catalog.comments.filter(isExposed),
    triggers: catalog.triggers.filter(isExposed),
    functions: catalog.functions?.filter(isExposed),
    partitions: catalog.partitions?.filter(isExposed),
    foreign_keys: catalog.foreign_keys.filter((key) =>
      isExposed(key) && isExposed({ schema: targetSchema(key) })
    ),
  };
}

/** lite leaves the schema out that a foreign key points into; its definition names it unless it is `public`. */
function targetSchema({ fk_def }: { fk_def?: string }): string | undefined {
  return /\bREFERENCES (\w+|"(?:[^"]|"")+")\./.exec(fk_def ?? "")?.[1]?.replace(/^"|"$/g, "");
}
