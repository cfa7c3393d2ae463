-- What an embed may be: checked by the database, whoever posts it.
begin;
select plan(36);

create function pg_temp.refusal(embed jsonb) returns text language sql as $$
  select tests.error_of(format('insert into public.hub_channel_messages (channel_id, content, embed_data) values (%L, ''x'', %L)', tests.channel('buf-barista/bridge'), embed))
$$;
select is(pg_temp.refusal(e), null, left(e::text, 60)) from (values
  ('{"title": "x"}'::jsonb),
  ('{"title": "x", "description": null, "color": null, "fields": null, "footer": null, "timestamp": null}'),
  ('{"title": "x", "fields": []}'),
  ('{"title": "x", "color": 0}'),
  ('{"title": "x", "color": 16777215}'),
  ('{"title": "x", "fields": [{"name": "n", "value": "v"}, {"name": "n", "value": "v", "inline": false}]}'),
  ('{"title": "x", "timestamp": "2026-11-24T08:00:00Z"}'),
  (jsonb_build_object('title', repeat('x', 256), 'description', repeat('x', 4096), 'footer', repeat('x', 2048)))
) as v (e);
select is(pg_temp.refusal(e), 'invalid_embed', left(e::text, 60)) from (values
  ('"x"'::jsonb), ('1'), ('null'), ('[]'), ('{}'), ('{"title": ""}'), ('{"title": null}'), ('{"title": "x", "author": "y"}'),
  ('{"title": "x", "color": "red"}'), ('{"title": "x", "color": 16777216}'), ('{"title": "x", "color": 1e400}'),
  ('{"title": "x", "description": 1}'), ('{"title": "x", "footer": {}}'), ('{"title": "x", "timestamp": "now"}'), ('{"title": "x", "timestamp": 1}'),
  ('{"title": "x", "fields": {}}'), ('{"title": "x", "fields": [1]}'), ('{"title": "x", "fields": [{"name": "n"}]}'), ('{"title": "x", "fields": [{"value": "v"}]}'),
  ('{"title": "x", "fields": [{"name": "n", "value": ""}]}'), ('{"title": "x", "fields": [{"name": "n", "value": "v", "inline": 1}]}'),
  ('{"title": "x", "fields": [{"name": "n", "value": "v", "extra": 1}]}'),
  (jsonb_build_object('title', 'x', 'fields', (select jsonb_agg('{"name": "n", "value": "v"}'::jsonb) from generate_series(1, 26)))),
  ('{"title": "x", "color": 1e-400}'), ('{"title": "x", "timestamp": "2026-11-24T08:00 and so on"}'),
  (jsonb_build_object('title', 'x', 'timestamp', '2026-11-24T08:00' || repeat(' ', 300000))),
  (jsonb_build_object('title', 'x', 'fields', (select jsonb_agg(jsonb_build_object(n::text, repeat('x', 100000))) from generate_series(1, 20) as n))),
  (jsonb_build_object('title', repeat('x', 257)))
) as v (e);

select * from finish();
rollback;
