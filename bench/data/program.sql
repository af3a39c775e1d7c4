-- Inserts, an index, joins, aggregates, updates in one transaction each; in memory.
create table item(id integer primary key, name text, kind integer, price integer);
create table sale(id integer primary key, item integer, n integer, day integer);
begin;
with recursive r(i) as (select 1 union all select i + 1 from r where i < 20000)
insert into item select i, 'item-' || (i * 7919 % 20011), i % 50, i * 31 % 997 from r;
with recursive r(i) as (select 1 union all select i + 1 from r where i < 60000)
insert into sale select i, i * 104729 % 20000 + 1, i % 9 + 1, i % 365 from r;
commit;
create index sale_item on sale(item);
create index item_name on item(name);
select kind, count(*), sum(n * price) from item join sale on sale.item = item.id group by kind order by 3 desc limit 5;
update item set price = price + 1 where id in (select item from sale where day < 100);
select count(*), sum(price), min(name), max(name) from item where name like '%-1%9';
delete from sale where day between 50 and 150;
select day % 7, sum(n), count(distinct item) from sale group by 1 order by 1;
select name from item order by name desc limit 3 offset 1000;
