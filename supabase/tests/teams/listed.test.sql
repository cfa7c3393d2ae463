-- The items of a list in a goal: what belongs to an item goes with it.
begin;
select plan(19);

select is(hub.listed_items(E'- a\n- b'), '{a,b}', 'bullets');
select is(hub.listed_items(E'1. a\r\n2) b\r\n'), '{a,b}', 'numbers, with the line ends of Windows');
select is(hub.listed_items(E'Do this:\n* a\n* b\n\nThanks!'), '{a,b}', 'words around a list are no items');
select is(hub.listed_items(E'1. a\n   goes on\n2. b'), array[E'a\n   goes on', 'b'], 'the next line belongs to its item');
select is(hub.listed_items(E'- a\n  - a1\n  - a2\n- b'), array[E'a\n  - a1\n  - a2', 'b'], 'a list within the list belongs to the item above it');
select is(hub.listed_items(E'- a\n\n  more\n\nnot this\n- b'), array[E'a\n  more', 'b'], 'after a blank line only what is indented does');
select is(hub.listed_items(E'- one\nand no other'), null, 'one item is no list');
select is(hub.listed_items('a - b - c'), null, 'nor is a dash in a line');

-- Code has no items.
select is(hub.listed_items(E'Why?\n```\n- a\n- b\n```'), null, 'what stands in a fence is code');
select is(hub.listed_items(E'~~~ yaml\n- a\n```\n- b\n~~~\nWhy?'), null, 'whatever the fence is made of');
select is(hub.listed_items(E'````\n```\n- a\n- b\n```\n- c\n````\n- d'), null, 'until the fence itself ends');
select is(hub.listed_items(E'```\n- a\n- b'), null, 'also where it never does');
select is(hub.listed_items(E'- a\n  ```\n  - x\n\n  - y\n  ```\n- b'), array[E'a\n  ```\n  - x\n\n  - y\n  ```', 'b'], 'code of an item belongs to it');
select is(hub.listed_items(E'Apply\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@\n x\n- one\n- two\n'), null, 'a diff takes lines away');
select is(hub.listed_items(E'Apply\n@@ -1,2 +1 @@\n- one\n- two\nThen:\n- test\n- ship'), '{test,ship}', 'which ends where text begins');
select is(hub.listed_items(E'Why does this fail?\n\n    - a\n    - b\n'), null, 'what stands four spaces deep is code');
select is(hub.listed_items(E'- [x] a\n- [ ] b\n  more\n- [X] c\n  of c\n- [ ] d\n- e'), array[E'b\n  more', 'd', 'e'], 'what is ticked off is done');
select is(hub.listed_items(E'- [x] a\n- [ ] b'), null, 'and one that is left is no list');
select dispatch_team(tests.channel('buf-barista/bridge'), E'Make it safe:\n- tests\n- docs');
select results_eq(
  $$ select content, metadata ->> 'goal' from mac_tasks where kind = 'subtask' order by created_at $$,
  $$ values ('tests', E'Make it safe:\n- tests\n- docs'), ('docs', E'Make it safe:\n- tests\n- docs') $$,
  'each subtask has its item as content, and the goal beside it'
);

select * from finish();
rollback;
