-- The small functions that make words: titles, spans of time, names, lists.
begin;
select plan(63);

select is(hub.title(content), title, to_json(left(content, 30))::text) from (values
  ('One line', 'One line'), (E'First\nSecond', 'First'), (E'\n\n  Third \nx', 'Third'), (E'CR\rLF', 'CR'), (E'Windows\r\nline', 'Windows'),
  (repeat('x', 60), repeat('x', 60)), (repeat('x', 61), repeat('x', 59) || '…'), (repeat('ü', 61), repeat('ü', 59) || '…'), ('', ''), (E' \n\t', ''),
  (E'```js\nlet x\n```', 'let x'), (E'~~~\n\nHere', 'Here'), (E'\u200b\u2800\nSeen', 'Seen'), (E'Red\x1b[31m\u202eder', 'Red [31m der'),
  (E'First\u2028Second', 'First'), (E'```\n```', '')
) as t (content, title);

select is(hub.duration(span), words, coalesce(span::text, 'null')) from (values
  (interval '0', '0.0 s'), ('1.25 s', '1.3 s'), ('59.9 s', '59.9 s'), ('1 min', '1 min 0 s'), ('3 min 5.4 s', '3 min 5 s'), ('59 min 59 s', '59 min 59 s'),
  ('1 h', '1 h 0 min'), ('2 h 10 min 59 s', '2 h 10 min'), ('26 h', '26 h 0 min'), ('1 day 2 h', '26 h 0 min'), (null, '—')
) as d (span, words);

select is(hub.one_line(name), line, to_json(left(name, 30))::text) from (values
  ('Ada Lovelace', 'Ada Lovelace'), (E'Ada\nLovelace', 'Ada Lovelace'), ('  Ada   L  ', 'Ada L'), (E'Ada\u202eevoL', 'Ada evoL'), (E'\x07Ada', 'Ada'),
  (repeat('x', 81), repeat('x', 80)), (E'\u2028', ''), (null, null)
) as n (name, line);

select is(hub.listed_items(goal), items, to_json(left(goal, 40))::text) from (values
  (E'Do this:\n- one\n- two', '{one,two}'::text[]), (E'1. one\n2. two\n3) three', '{one,two,three}'), (E'* a\n• b', '{a,b}'), (E'  - indented\n\t- so too', '{indented,"so too"}'),
  (E'- one\r\n- two\r\n', '{one,two}'), ('- only one', null), ('no list at all', null), ('a - b - c', null), (E'-one\n-two', null), (E'- \n- x', null), ('', null),
  (E'2024. was a year\n2025. is one', null)
) as g (goal, items);

select is(hub.new_progress(previous, current), news, format('%L, then %L', previous, current)) from (values
  ('', 'a', 'a'), ('a', 'a b', 'b'), ('a', 'a', null), ('a', '', null), ('a', null, null), ('a', E'a\n\nb\n', 'b'), ('ab', 'a', 'a'), ('a', 'b', 'b'), ('a_c', 'abcd', 'abcd')
) as p (previous, current, news);

select is(hub.planned_subtasks(result), plan, to_json(left(result, 40))::text) from (values
  ('["a", "b"]', '["a", "b"]'::jsonb), (E'Here it is:\n```json\n["a", "b"]\n```', '["a", "b"]'),
  ('nothing', '"The plan is not a JSON array of strings."'), ('[]', '"The plan is not a JSON array of strings."'), ('["a", 1]', '"The plan is not a JSON array of strings."'),
  ((select jsonb_agg(n::text)::text from generate_series(1, 21) as n), '"The plan has 21 subtasks; 20 are allowed."'),
  (null, '"The plan is not a JSON array of strings."')
) as r (result, plan);

select * from finish();
rollback;
