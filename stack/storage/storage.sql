-- Storage's side of the database, by the interface that hosted projects have: tables, helpers for
-- policies, and what a project's own roles may do. Run by supabase_admin; may run again.

do $$
begin
  if not exists (select from pg_roles where rolname = 'supabase_storage_admin') then
    create role supabase_storage_admin login noinherit createrole;
  end if;
end
$$;
alter role supabase_storage_admin set search_path = storage;

create schema if not exists storage authorization supabase_storage_admin;
grant usage on schema storage to postgres, anon, authenticated, service_role;

create table if not exists storage.buckets (
  id text primary key,
  name text not null unique,
  owner uuid,
  owner_id text,
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  constraint bucket_name_length check (length(name) <= 100)
);

-- `version` names the file that holds the bytes.
create table if not exists storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  owner_id text,
  version text,
  metadata jsonb,
  user_metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now()
);
create unique index if not exists bucketid_objname on storage.objects (bucket_id, name);

alter table storage.buckets owner to supabase_storage_admin;
alter table storage.objects owner to supabase_storage_admin;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
-- Hosted projects let postgres put policies on these tables by an extension that is not here.
grant supabase_storage_admin to postgres;

-- helpers for policies ---------------------------------------------------------------------------

create or replace function storage.foldername(name text) returns text[]
language sql
immutable
set search_path = ''
as $$
  select trim_array(t.parts, least(1, cardinality(t.parts)))
  from (select string_to_array(foldername.name, '/')) as t (parts);
$$;

create or replace function storage.filename(name text) returns text
language sql
immutable
set search_path = ''
as $$
  select split_part(filename.name, '/', -1);
$$;

create or replace function storage.extension(name text) returns text
language sql
immutable
set search_path = ''
as $$
  select split_part(split_part(extension.name, '/', -1), '.', -1);
$$;

create or replace function storage.operation() returns text
language sql
stable
set search_path = ''
as $$
  select current_setting('storage.operation', true);
$$;

-- what keeps the tables and the files together ---------------------------------------------------

create or replace function storage.update_updated_at_column() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create or replace trigger update_objects_updated_at
  before update on storage.objects
  for each row execute function storage.update_updated_at_column();

-- A row that is deleted by SQL would leave its bytes behind for ever.
create or replace function storage.protect_delete() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise insufficient_privilege using
      message = 'Direct deletion from storage tables is not allowed. Use the Storage API instead.',
      hint = 'This prevents accidental data loss from orphaned objects.';
  end if;
  return null;
end
$$;

create or replace trigger protect_buckets_delete
  before delete on storage.buckets
  for each statement execute function storage.protect_delete();
create or replace trigger protect_objects_delete
  before delete on storage.objects
  for each statement execute function storage.protect_delete();

-- One page of a folder: the folders in it (without an id), then its files. `levels` is how deep it is.
create or replace function storage.search(
  prefix text,
  bucketname text,
  limits integer default 100,
  levels integer default 1,
  offsets integer default 0,
  search text default '',
  sortcolumn text default 'name',
  sortorder text default 'asc'
) returns table (
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_column text := case when sortcolumn in ('updated_at', 'created_at', 'last_accessed_at')
    then sortcolumn else 'name' end;
begin
  return query execute format(
    $query$
      with found as (
        select o.path_tokens[$1] as name, cardinality(o.path_tokens) > $1 as is_folder, o.id,
          o.updated_at, o.created_at, o.last_accessed_at, o.metadata
        from storage.objects as o
        where o.bucket_id = $2 and starts_with(lower(o.name), lower($3 || $4))
          and cardinality(o.path_tokens) >= $1
      ), entries as (
        select distinct f.name, null::uuid as id, null::timestamptz as updated_at,
          null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
        from found as f
        where f.is_folder
        union all
        select f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
        from found as f
        where not f.is_folder
      )
      select e.* from entries as e
      order by %I %s nulls first, name
      limit $5 offset $6
    $query$,
    v_column, case when lower(sortorder) = 'desc' then 'desc' else 'asc' end
  ) using greatest(levels, 1), bucketname, prefix, search, least(limits, 1500), offsets;
end
$$;

alter function storage.foldername(text) owner to supabase_storage_admin;
alter function storage.filename(text) owner to supabase_storage_admin;
alter function storage.extension(text) owner to supabase_storage_admin;
alter function storage.operation() owner to supabase_storage_admin;
alter function storage.update_updated_at_column() owner to supabase_storage_admin;
alter function storage.protect_delete() owner to supabase_storage_admin;
alter function storage.search(text, text, integer, integer, integer, text, text, text)
  owner to supabase_storage_admin;
