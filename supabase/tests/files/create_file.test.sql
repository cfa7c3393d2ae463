-- create_file announces a file: what it is called and how large it is are data, and are checked.
begin;
select plan(38);

select tests.keep('user', tests.sign_in('operator'));
select tests.keep('created', public.create_file(
  tests.channel('buf-barista/quick'), 'Bild 1 — größer.png', 'image/png', 12, repeat('0a', 32)
));
select tests.sign_out();
select tests.keep('file', tests.kept('created') -> 'file');
select is(tests.kept('file') ->> 'name', 'Bild 1 — größer.png', 'the file has its name');
select is(tests.kept('file') ->> 'state', 'pending', 'it waits for its bytes');
select is(tests.kept('file') ->> 'direction', 'in', 'on its way in');
select is(tests.kept('file') -> 'created_by', tests.kept('user'), 'from the caller');
select is(
  tests.kept('file') ->> 'path', tests.channel('buf-barista/quick') || '/' || (tests.kept('file') ->> 'id'),
  'its object is named by channel and file'
);
select is(tests.kept('file') -> 'task_id', 'null', 'no request names it yet');

select tests.sign_in('operator');
create function pg_temp.refusal(
  name text default 'a.txt', media_type text default 'text/plain', size bigint default 1, sha256 text default null,
  channel text default 'buf-barista/quick'
) returns text language sql as $$
  select tests.error_of(format('select public.create_file(%L, %L, %L, %L, %L)', tests.channel(channel), name, media_type, size, sha256))
$$;
select is(pg_temp.refusal(name => n.name), 'bad_argument', format('no name: %s', to_json(n.name)))
from unnest(array[
  '', ' ', '.', '..', '/etc/passwd', '../a', 'a/b', 'a\b', ' a', 'a ', E'a\nb', E'a\tb', E'a\x7f', E'a\u202Egpj.exe',
  E'a\u2066b', E'a\u2028b', repeat('a', 201), repeat('ä', 101)
]) as n (name);
select is(pg_temp.refusal(name => n.name), null, format('a name: %s', to_json(n.name)))
from unnest(array['…', '.env', '-rf', 'a b', repeat('a', 200)]) as n (name);
select is(pg_temp.refusal(media_type => 'text'), 'bad_argument', 'a media type has two parts');
select is(pg_temp.refusal(media_type => E'text/plain\r\nx: y'), 'bad_argument', 'on one line');
select is(pg_temp.refusal(media_type => ''), null, 'and may be unknown');
select is(pg_temp.refusal(size => -1), 'bad_argument', 'no size is below zero');
select is(pg_temp.refusal(size => 0), null, 'a file may be empty');
select is(pg_temp.refusal(size => 25000001), 'file_too_large', '25 MB is the most');
select is(pg_temp.refusal(sha256 => 'ABC'), 'bad_argument', 'a digest is 64 hex digits');
select is(pg_temp.refusal(channel => 'koji-pipeline/leads'), 'wrong_architecture', 'commands take no files');
select is(pg_temp.refusal(channel => 'cloud-hub/heartbeat'), 'channel_read_only', 'feeds take none');
select tests.sign_out();

select * from finish();
rollback;
