-- The bucket hub-files: policies as the tables', no other object, and removal by the Storage API alone.
begin;
select plan(29);

select is(
  (select (to_jsonb(b) ->> 'public') || ' ' || b.file_size_limit from storage.buckets as b where b.id = 'hub-files'), 'false 25000000',
  'the bucket is private, and takes what the settings allow'
);
select update_settings('{"max_file_size": 1000}');
select is((select b.file_size_limit from storage.buckets as b where b.id = 'hub-files'), 1000::bigint, 'as they change');

create function pg_temp.upload(path text, bucket text default 'hub-files') returns void language sql as $$
  insert into storage.objects (bucket_id, name, metadata) values (bucket, path, '{"mimetype": "text/plain"}')
$$;
select tests.sign_in('operator');
select tests.keep('file', public.create_file(tests.channel('buf-barista/quick'), 'a.txt', null, 5) -> 'file');
create function pg_temp.path() returns text language sql as $$ select tests.kept('file') ->> 'path' $$;

-- Uploading.
select is(tests.error_of($$ select pg_temp.upload('x') $$), '42501', 'no other object goes into the bucket');
select is(tests.error_of(format('select pg_temp.upload(%L)', gen_random_uuid() || '/' || gen_random_uuid())), '42501', 'nor at another path');
select tests.sign_in('admin');
select is(tests.error_of('select pg_temp.upload(pg_temp.path())'), '42501', 'nobody uploads somebody else''s file');
select tests.sign_in('viewer');
select is(tests.error_of('select pg_temp.upload(pg_temp.path())'), '42501', 'a viewer none at all');
select tests.sign_in('anon');
select is(tests.error_of('select pg_temp.upload(pg_temp.path())'), '42501', 'nor who is not signed in');
select tests.sign_in('service_role');
select is(tests.error_of($$ select pg_temp.upload('x') $$), '42501', 'nor does the service key put there what no file speaks of');
select tests.sign_in('operator');
select is(tests.error_of('savepoint s'), '0A000', 'what follows is taken back');
select tests.sign_out();
savepoint asked;
select tests.sign_in('operator');
select lives_ok('select pg_temp.upload(pg_temp.path())', 'who announced it uploads it');
select is((select f.state from hub_files as f where f.path = pg_temp.path()), 'pending', 'being asked for permission, it has not arrived');
rollback to asked;
select tests.arrive(pg_temp.path(), 5);
select is((select f.state from hub_files as f where f.path = pg_temp.path()), 'stored', 'its object makes it stored');
select tests.sign_in('operator');
select is(tests.error_of($$ update storage.objects set metadata = '{}' where bucket_id = 'hub-files' $$), null, 'who may upload');
select is((select o.metadata ->> 'size' from storage.objects as o where o.name = pg_temp.path()), '5', 'changes nothing');

-- Reading.
create function pg_temp.seen(role text) returns bigint language plpgsql as $$
declare
  v_seen bigint;
begin
  perform tests.sign_in(role);
  select count(*) into v_seen from storage.objects where bucket_id = 'hub-files';
  perform tests.sign_out();
  return v_seen;
end $$;
select is(pg_temp.seen(r.role), r.seen, format('%s sees %s', r.role, r.seen))
from (values ('anon', 0::bigint), ('viewer', 1), ('operator', 1), ('admin', 1)) as r (role, seen);

-- A private server.
update hub_servers set default_role = 'none' where name = 'buf-barista';
select is(pg_temp.seen(r.role), r.seen, format('of a private server %s sees %s', r.role, r.seen))
from (values ('viewer', 0::bigint), ('operator', 0), ('admin', 1)) as r (role, seen);
update hub_servers set default_role = null where name = 'buf-barista';

-- An app's own policies and buckets.
insert into storage.buckets (id, name) values ('app', 'app');
create policy app_everything on storage.objects for all to anon, authenticated using (true) with check (true);
select is(pg_temp.seen('anon'), 0::bigint, 'an app''s policy for everything opens no file');
select tests.sign_in('anon');
select lives_ok($$ select pg_temp.upload('cat.png', 'app') $$, 'and works for the app''s own');
select is((select count(*) from storage.objects), 1::bigint, 'which is all that it shows');
select tests.sign_out();

-- Removal.
set local storage.allow_delete_query = 'true';
select throws_ok($$ set local storage.allow_delete_query = 'false'; delete from storage.objects where bucket_id = 'hub-files' $$, '42501');
select is(public.files_to_remove(), '[]', 'nothing is to be removed');
delete from hub_channels where id = tests.channel('buf-barista/quick');
select is(public.files_to_remove(), jsonb_build_array(pg_temp.path()), 'the object follows its channel');
select is(public.files_to_remove(jsonb_build_array(pg_temp.path())), '[]', 'once');
select is(tests.error_of($$ select public.files_to_remove('83') $$), 'bad_argument', 'paths come as an array');

select * from finish();
rollback;
