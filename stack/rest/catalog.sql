-- What REST knows of the schemas in $1, as one JSON object.
with relations as (
  select c.oid, n.nspname as schema, c.relname as name, c.relkind
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = any($1) and c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition
),
columns as (
  select
    a.attrelid,
    json_agg(json_build_object(
      'name', a.attname,
      'number', a.attnum,
      'type', format_type(a.atttypid, a.atttypmod),
      'default', case
        when a.attidentity <> ''
          then format('nextval(%L)', pg_get_serial_sequence(format('%I.%I', r.schema, r.name), a.attname))
        when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid)
      end
    ) order by a.attnum) as list
  from relations as r
  join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  group by a.attrelid
),
keys as (
  select
    i.indrelid, i.indisprimary,
    array_agg(a.attname::text order by k.position) as columns
  from relations as r
  join pg_index as i
    on i.indrelid = r.oid and i.indisunique and i.indpred is null and i.indexprs is null
  cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (number, position)
  join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number
  where k.position <= i.indnkeyatts
  group by i.indexrelid, i.indrelid, i.indisprimary
),
foreign_keys as (
  select
    k.conname as name, k.conrelid, k.confrelid,
    (select array_agg(a.attname::text order by c.position)
      from unnest(k.conkey) with ordinality as c (number, position)
      join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = c.number) as columns,
    (select array_agg(a.attname::text order by c.position)
      from unnest(k.confkey) with ordinality as c (number, position)
      join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = c.number) as targets
  from pg_constraint as k
  where k.contype = 'f' and k.conparentid = 0
    and k.conrelid in (select oid from relations) and k.confrelid in (select oid from relations)
),
-- Tables of other schemas, too: a view of an exposed schema may show one.
view_rules as (
  select w.ev_class, w.ev_action::text as action
  from relations as r
  join pg_rewrite as w on w.ev_class = r.oid and w.rulename = '_RETURN'
  where r.relkind in ('v', 'm')
),
routines as (
  select
    p.oid, n.nspname as schema, p.proname as name, p.provolatile as volatility,
    p.proretset as returns_set, p.prorows as rows, p.prorettype = 'void'::regtype as returns_void,
    t.typtype = 'c' or t.oid = 'record'::regtype as returns_rows, t.typrelid as returned,
    (select coalesce(json_agg(json_build_object(
        'name', coalesce(p.proargnames[a.position], ''),
        'type', format_type(a.type, null),
        'required', a.ordinal <= p.pronargs - p.pronargdefaults,
        'variadic', coalesce(p.proargmodes[a.position] = 'v', false),
        'relation', (select typrelid::integer from pg_type where oid = a.type)
      ) order by a.position), '[]')
      from (
        select u.type, u.position, row_number() over (order by u.position) as ordinal
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as u (type, position)
        where p.proargmodes is null or p.proargmodes[u.position] in ('i', 'b', 'v')
      ) as a) as parameters
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  join pg_type as t on t.oid = p.prorettype
  where n.nspname = any($1) and p.prokind = 'f'
)
select json_build_object(
  'relations', (select coalesce(json_agg(json_build_object(
      'id', r.oid::integer, 'schema', r.schema, 'name', r.name, 'isView', r.relkind in ('v', 'm'),
      'columns', coalesce(c.list, '[]'),
      'primaryKey', coalesce((select columns from keys where indrelid = r.oid and indisprimary limit 1), '{}'),
      'uniqueKeys', coalesce((select json_agg(columns) from keys where indrelid = r.oid), '[]')
    )), '[]') from relations as r left join columns as c on c.attrelid = r.oid),
  'foreignKeys', (select coalesce(json_agg(json_build_object(
      'name', f.name, 'from', f.conrelid::integer, 'to', f.confrelid::integer, 'columns', f.columns,
      'targets', f.targets) order by f.name), '[]') from foreign_keys as f),
  'views', (select coalesce(json_agg(json_build_object(
      'id', v.ev_class::integer, 'action', v.action)), '[]') from view_rules as v),
  'routines', (select coalesce(json_agg(json_build_object(
      'schema', p.schema, 'name', p.name, 'parameters', p.parameters, 'volatility', p.volatility,
      'returnsSet', p.returns_set, 'returnsVoid', p.returns_void, 'returnsRows', p.returns_rows,
      'rows', p.rows, 'returned', p.returned::integer) order by p.oid), '[]') from routines as p),
  'timezones', (select json_agg(name) from pg_timezone_names),
  'settings', (select coalesce(json_object_agg(split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)), '{}')
    from pg_db_role_setting as d
    join pg_roles as r on r.oid = d.setrole and r.rolname = 'authenticator'
    cross join unnest(d.setconfig) as s
    where s like 'pgrst.%')
)::text as catalog
