-- The rules are a table: what changes it changes routing at once, and what would not work is refused.
begin;
select plan(33);

create function pg_temp.route(content text, channel uuid default null) returns text language sql volatile as $$
  select concat_ws(' ', c.task_type, c.model, c.platform) from hub.classify(content, channel) as c
$$;
create function pg_temp.dispatched(content text, channel text, model text default null) returns text language sql as $$
  select concat_ws(' ', d #>> '{task,task_type}', d #>> '{task,model_preference}', d #>> '{task,platform}')
  from dispatch_task(tests.channel(channel), content, model => model) as d
$$;
create function pg_temp.refused(pattern text, task_type text, model text, platform text) returns text language sql as $$
  select left(tests.error_of(format(
    'insert into hub.routing_rules (position, pattern, task_type, model, platform) values (1, %L, %L, %L, %L)',
    pattern, task_type, model, platform
  )), 5)
$$;

select cmp_ok((select count(*) from hub.routing_rules), '>=', 25::bigint, 'at least 25 rules are installed');
select is((select count(*) from hub.routing_rules where pattern = '' and position = (select max(position) from hub.routing_rules)), 1::bigint, 'the last one takes whatever is left');
select is(
  (select array_agg(distinct task_type) from hub.routing_rules where platform is not null), '{apple_app}',
  'only work on Apple platforms is tied to a platform'
);

-- The order: an explicit model, the channel's preference, the rules.
select is(pg_temp.dispatched('Compare Bun and Deno', 'buf-barista/quick'), 'research gemini', 'a channel with no preference leaves the model to the rules');
select is(pg_temp.dispatched('Compare Bun and Deno', 'cloud-hub/dispatch'), 'research claude', 'a channel''s preference comes before the rules');
select is(pg_temp.dispatched('Compare Bun and Deno', 'cloud-hub/dispatch', 'codex'), 'research codex', 'an explicit model before both');
select is(pg_temp.dispatched('Compare Bun and Deno', 'cloud-hub/dispatch', 'any'), 'research claude', 'any is no explicit model');
select is(pg_temp.dispatched('Build the SwiftUI view', 'buf-barista/quick', 'gemini'), 'apple_app gemini macos', 'the platform stays, whichever model is asked for');
select is(pg_temp.route('Compare Bun and Deno', gen_random_uuid()), 'research gemini', 'a channel that there is not has no preference');
select is(pg_temp.route('Compare Bun and Deno', tests.channel('koji-pipeline/leads')), 'research gemini', 'any of a channel is none');
insert into mac_tasks (channel_id, content, platform) values (tests.channel('buf-barista/quick'), 'Build the SwiftUI view', 'linux');
select is((select platform from mac_tasks where platform = 'linux'), 'linux', 'a platform that the client names stays');

-- The longest request that is allowed, of what many patterns begin with and none ends with.
select is(pg_temp.route(rpad('', 32000, word)), 'general claude', format('32,000 characters of %s', to_json(word)))
from unnest(array['the fix write swift review ', E'\n? x', 'leaked ']) as word;

-- An operator changes routing.
update hub.routing_rules set model = 'codex', task_type = 'survey' where task_type = 'research';
select is(pg_temp.dispatched('Compare Bun and Deno', 'buf-barista/quick'), 'survey codex', 'an UPDATE changes type and model at once');
update hub.routing_rules set pattern = pattern || '|\mcoffee\M' where task_type = 'survey';
select is(pg_temp.route('All about coffee'), 'survey codex', 'and the pattern');
update hub.routing_rules set platform = 'linux' where task_type = 'survey';
select is(pg_temp.route('All about coffee'), 'survey codex linux', 'and the platform');
insert into hub.routing_rules (position, pattern, task_type) values (1, '^brew ', 'brewing');
select is(pg_temp.route('brew coffee'), 'brewing any', 'a rule before others wins; with no model, any');
select is(pg_temp.route('BREW coffee'), 'brewing any', 'capitals do not matter');
update hub.routing_rules set pattern = '(?c)^brew ' where position = 1;
select is(pg_temp.route('BREW coffee'), 'survey codex linux', 'unless the pattern says so');
update hub.routing_rules set position = 999 where position = 1;
select is(pg_temp.route('brew coffee'), 'survey codex linux', 'the position decides');
update hub.routing_rules set position = position + 10;
select is(pg_temp.route('All about coffee'), 'survey codex linux', 'one UPDATE moves all of them');
delete from hub.routing_rules;
select is(pg_temp.route('brew coffee'), 'general any', 'with no rules every request is general work');
select is(pg_temp.dispatched('brew coffee', 'cloud-hub/dispatch'), 'general claude', 'for the channel''s model');

-- Bad rules.
select is(pg_temp.refused('(a', 'x', null, null), '2201B', 'a pattern that does not compile');
select is(pg_temp.refused('(a{1,255}){1,255}', 'x', null, null), '2201B', 'one that grows too big');
select is(pg_temp.refused(null, 'x', null, null), '23502', 'none');
select is(pg_temp.refused('a', 'x', 'gpt', null), '23503', 'a model that there is not');
select is(pg_temp.refused('a', 'x', null, 'ios'), '23514', 'a platform that there is not');
select is(pg_temp.refused('a', 'No Type', null, null), '23514', 'a task type that is no name');

-- Linear in the text: what is no finite automaton is refused, whatever its writing.
select is(
  (select array_agg(pg_temp.refused(p, 'x', null, null)) from unnest(array[
    '(a)\1', '\\\1', '(a|b)(c)\2x', 'a(?=b)', 'a(?!b)', '(?<=a)b', '(?<!a)b'
  ]) as p),
  array_fill('23514'::text, array[7]), 'back-references and lookaround'
);
select is(pg_temp.refused('(?:a\\1|\d{1,3}|[(?]=)\M', 'x', null, null), null, 'what only looks like one is allowed');
select is(pg_temp.refused('a', 'x', null, null), '23505', 'a position is taken once');

select * from finish();
rollback;
