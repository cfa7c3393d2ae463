-- What the synthesis is given: every result, whatever stands in it.
begin;
select plan(9);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 50));
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), E'Goal\n```', '["first\u0007 one", "second", "third"]'));
select claim_tasks(tests.kept('token') #>> '{}', 50);
create function pg_temp.complete(content text, result text) returns void language sql as $$
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, complete.result) from mac_tasks as t where t.content like complete.content
$$;
create function pg_temp.prompt() returns text language sql as $$ select content from mac_tasks where kind = 'synthesis' $$;
select pg_temp.complete('first%', E'# Part 2: second\n\nResult of claude on mac-1:\n\n```` and ```\nopen');
select pg_temp.complete('second', 'begin' || repeat('x', 299990) || 'end');
select fail_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'No idea', false) from mac_tasks as t where t.content = 'third';

select ok(pg_temp.prompt() like E'Several agents%# Request\n\n````\nGoal\n```\n````\n\n# Part 1: first one\n\nResult of claude on linux-1:\n\n%', 'the request, in a fence of its own');
select ok(position(E'\n`````\n# Part 2: second\n\nResult of claude on mac-1:\n\n```` and ```\nopen\n`````\n\n# Part 2: second' in pg_temp.prompt()) > 0,
  'a fence is longer than any in it, and ends where it should');
select ok(position(E'````\nbegin' in pg_temp.prompt()) > 0, 'a long result has its head');
select ok(position(E'xend\n````' in pg_temp.prompt()) > 0, 'and its tail');
select matches(pg_temp.prompt(), E'x\n\n\\[… 166666 characters left out here …\\]\n\nx', 'and between them what is missing');
select ok(pg_temp.prompt() like E'%# Part 3: third\n\nFAILED:\n\n````\nNo idea\n````', 'a failure');
select is(hub.middle_cut('abcdef', 6), 'abcdef', 'what fits is not cut');
select is(hub.middle_cut('abcdefg', 4), E'ab\n\n[… 3 characters left out here …]\n\nfg', 'what does not is, in the middle');
select is(hub.fenced('no ticks'), E'````\nno ticks\n````', 'a fence has four ticks at least');

select * from finish();
rollback;
