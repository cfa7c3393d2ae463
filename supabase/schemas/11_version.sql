-- The version of what is installed here. A test holds the packages to the same.

create or replace function hub.version() returns text
language sql
immutable
set search_path = ''
as $$
  select '0.1.0'
$$;
comment on function hub.version() is
  'The version of Aura Servers in this database, as whoami() and heartbeats tell it. Before 1.0.0 programs of another minor version, later those of another major version, may not fit.';

revoke execute on function hub.version() from public;
